/** Put where the caret is, by the browser's own hand if it lends it, so that Ctrl+Z takes it back. */
export function insert(box, words, from = box.selectionStart) {
  box.focus();
  box.setSelectionRange(from, box.selectionEnd);
  if (document.execCommand?.("insertText", false, words)) return;
  box.setRangeText(words, from, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}
