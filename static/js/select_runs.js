// Which runs are selected? The boxes know it themselves, and keep it when their rows are swapped; here they are only
// ticked together: a whole page, a range with Shift, and everything that matches.

const boxes = () => [...document.querySelectorAll('[name="pk"]')];
const page = () => document.getElementById("pick-page");
const everything = () => document.querySelector('#picked [name="all"]');

let from; // the box clicked before: a range with Shift begins there

function show() {
  if (!page()) return;
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  page().checked = picked > 0 && picked === all.length;
  page().indeterminate = picked > 0 && picked < all.length;
  const count = everything()?.checked ? everything().dataset.count : picked;
  const said = document.querySelector("#picked output");
  said.textContent = said.dataset.words.replace("{n}", count);
}

document.addEventListener("click", (event) => {
  if (event.target.name !== "pk") return;
  const all = boxes();
  const [first, last] = [all.indexOf(from), all.indexOf(event.target)].sort((one, other) => one - other);
  if (event.shiftKey && first >= 0) {
    for (const box of all.slice(first, last + 1)) box.checked = event.target.checked;
  }
  from = event.target;
});

// By the keyboard a box is ticked with Space; Enter would send the form it belongs to.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches('[type="checkbox"]')) event.preventDefault();
});

document.addEventListener("change", ({ target }) => {
  if (target === page() || (target === everything() && target.checked)) {
    for (const box of boxes()) box.checked = target.checked;
  }
  // Everything is no longer meant once one of it is not.
  if (everything() && !target.checked) everything().checked = false;
  show();
});

document.addEventListener("reset", () => setTimeout(show));
document.addEventListener("htmx:afterSettle", show);
window.addEventListener("pageshow", show);
