// The team's tags with ticks: read for the selected runs when the menu opens, and narrowed by what is typed. A tag of
// some of the runs is neither ticked nor not; two clicks take it off them all.

function showMixed() {
  for (const box of document.querySelectorAll("#tag-ticks [data-mixed]")) {
    box.indeterminate = !box.checked && !takingOff(box).checked;
  }
}

const takingOff = (box) => box.closest("label").nextElementSibling.querySelector('[name="off"]');

document.addEventListener("toggle", ({ target }) => {
  if (target.matches("#bulk-bar .menu[open]:has(.tag-source)")) htmx.trigger(document.body, "open-tags");
}, true);

document.addEventListener("change", ({ target }) => {
  if (target.matches("#tag-ticks [data-mixed]")) takingOff(target).checked = !target.checked;
});

document.addEventListener("input", ({ target }) => {
  if (target.name !== "tags") return;
  const typed = target.value.split(",").at(-1).trim().toLowerCase();
  for (const label of document.querySelectorAll(".tag-tick")) {
    label.hidden = !label.querySelector("bdi").textContent.toLowerCase().includes(typed);
  }
});

document.addEventListener("reset", () => setTimeout(showMixed));
document.addEventListener("htmx:afterSettle", showMixed);
showMixed();
