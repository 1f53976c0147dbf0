// Keys as the person means them, whatever the keyboard's layout and input method.

/** Whether the key belongs to an input method that is choosing a word: Escape and Enter are for that word then. */
export function isComposing(event) {
  // Safari ends the composition before it sends the Enter that has accepted a word.
  return event.isComposing || event.keyCode === 229;
}

/** Return the key of a shortcut in lower case; on a layout without Latin letters, the letter at the key's place. */
export function shortcutKey(event) {
  if (event.key.length !== 1) return event.key;
  const isOfOtherScript = event.key > "\u007f" && /^Key[A-Z]$/.test(event.code);
  return (isOfOtherScript ? event.code.slice(3) : event.key).toLowerCase();
}
