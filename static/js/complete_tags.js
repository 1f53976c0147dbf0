// How are several tags completed in one box? The list offers names for what stands behind the last comma.

document.addEventListener("input", ({ target }) => {
  if (target.getAttribute("list") !== "team-tags") return;
  const [before] = target.value.match(/^.*,\s*/) ?? [""];
  for (const option of target.list.options) {
    option.dataset.name ??= option.value;
    option.value = before + option.dataset.name;
  }
});
