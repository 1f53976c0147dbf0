// Applies the chosen theme before the first paint, so that a dark page never flashes white.
document.documentElement.dataset.script = "on";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme holds.
}
