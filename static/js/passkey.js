// Says on the page when the browser has used no passkey: it was cancelled, timed out, or there is none.
// The scripts of allauth, which ask for it, would only write to the console.

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const place = document.getElementById("passkey-error");
  if (place) place.textContent = place.dataset.failed;
});
