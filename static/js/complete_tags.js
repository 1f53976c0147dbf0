// Completes several tags in one box: the list offers names for the text after the last comma.

document.addEventListener("input", ({ target }) => {
  if (target.getAttribute("list") !== "team-tags") return;
  const [before] = target.value.match(/^.*,\s*/) ?? [""];
  for (const option of target.list.options) {
    option.dataset.name ??= option.value;
    option.value = before + option.dataset.name;
  }
});
