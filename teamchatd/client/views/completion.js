import { html, useId, useRef, useSignal } from "../lib.js";
import { insert } from "./insert.js";
import { actOf, isPressed } from "./keys.js";

const OFFERING = /[@:]/;

/** offers.js: fetched when the page is painted, at the latest when the first of these signs is typed. */
let offers = null;

async function offerFor(box) {
  if (!box || !OFFERING.test(box.value)) return null;
  offers ??= await import("./offers.js").catch(() => null);
  return offers?.offerFor(box);
}

/**
 * What the letters before the caret may become: a name after @, an emoji after a colon.
 * Escape closes the list until other letters are typed; Enter and Tab take what is marked.
 */
export function useCompletion(boxRef, onType) {
  const id = useId();
  const offer = useSignal(null);
  const looks = useRef(0);

  const close = () => (offer.value = null);
  const look = async () => {
    const mine = ++looks.current;
    const found = await offerFor(boxRef.current);
    // Several may have waited for the list of emoji: what each took would be taken from another text.
    if (mine !== looks.current) return undefined;
    if (found?.whole) return take(found.whole);
    offer.value = found?.options.length ? { ...found, marked: 0 } : null;
    return undefined;
  };
  const take = (option) => {
    if (option.emoji) offers.noteUse(option.emoji);
    insert(boxRef.current, `${option.words} `, boxRef.current.selectionStart - option.typed);
    onType(boxRef.current.value);
    close();
  };
  const mark = (step) => {
    const { options, marked } = offer.value;
    offer.value = { ...offer.value, marked: (marked + step + options.length) % options.length };
  };
  const pressed = (event) => {
    if (!offer.value) return false;
    const { options, marked, isSaid } = offer.value;
    if (isPressed("send", event) && isSaid) return close() ?? false;
    const act = actOf(event, {
      below: () => mark(1),
      above: () => mark(-1),
      take: () => take(options[marked]),
      close,
    });
    if (!act) return false;
    event.preventDefault();
    event.stopPropagation();
    act();
    return true;
  };

  const list = offer.value && html`<${offers.Offers} id=${id} offer=${offer.value} take=${take} />`;
  return { look, close, pressed, attributes: attributesOf(id, offer.value), list };
}

/** It stays a text field: a combobox would be announced as something one chooses from. */
function attributesOf(id, offer) {
  if (!offer) return { "aria-autocomplete": "list" };
  return {
    "aria-autocomplete": "list",
    "aria-controls": id,
    "aria-activedescendant": `${id}-${offer.marked}`,
  };
}
