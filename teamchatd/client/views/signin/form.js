import { html, signal, useLayoutEffect, useRef, useSignal } from "../../lib.js";

/** Written once, whichever of the screens it is needed on. */
export const address = signal("");

/**
 * What a form of the sign-in screens does when it is sent: looks at its fields, is busy,
 * and says in a sentence what went wrong, with the focus where it can be mended.
 *
 * @param {() => Promise<any>} act fails with a sentence.
 * @param {string} suspect the field that a refusal by the server is most likely about.
 */
export function useForm(act, suspect) {
  const busy = useSignal(false);
  const error = useSignal("");
  const wrong = useSignal(null);
  const element = useRef(null);

  const complain = (sentence, name) => {
    error.value = sentence;
    wrong.value = name;
    if (name) element.current?.elements[name]?.focus();
  };

  const submit = async (event) => {
    event.preventDefault();
    if (busy.value) return;
    const field = [...element.current.elements].find(isWrong);
    if (field) return complain(sentenceAbout(field), field.name);
    complain("", null);
    busy.value = true;
    try {
      await act();
    } catch (failure) {
      // Not reached, or too often: nothing that was written is wrong.
      complain(failure.message, failure.isPassing ? null : suspect);
    } finally {
      busy.value = false;
    }
  };

  return { busy, error, wrong, submit, element, errorId: "form-error" };
}

/** A browser counts minlength only for what was typed, not for what it filled in itself. */
const isTooShort = ({ minLength, value }) => minLength > 0 && [...value].length < minLength;

const isWrong = (field) => field.willValidate && (!field.validity.valid || isTooShort(field));

function sentenceAbout({ name, value }) {
  if (name === "email") {
    return value.trim() ? "That does not look like an e-mail address." : "Please write your e-mail address.";
  }
  return value ? "A password needs at least 8 characters." : "Please write your password.";
}

/** The form itself; the first field has the focus when it comes up. */
export function Form({ form, children, ...rest }) {
  useFirstFocus(form.element);
  return html`<form class="signin-form" ref=${form.element} novalidate onSubmit=${form.submit} ...${rest}>
    ${children}
  </form>`;
}

/** On a telephone the keyboard would come up over a page that was not read yet. */
function useFirstFocus(element) {
  useLayoutEffect(() => {
    if (matchMedia("(pointer: coarse)").matches) return;
    const fields = [...element.current.querySelectorAll("input")];
    const empty = fields.find((each) => !each.value) ?? fields[0];
    (empty ?? element.current.querySelector("button"))?.focus();
  }, []);
}

/** The button that sends, and under it what went wrong: so the button stays where it was pressed. */
export function Submit({ form, children }) {
  const { busy, error, errorId } = form;
  return html`
    <button class="button primary wide" type="submit" aria-busy=${busy.value ? "true" : undefined}>
      <span class="button-words">${children}</span>
      ${busy.value && html`<span class="spinner" aria-hidden="true"></span>`}
    </button>
    ${error.value && html`<p class="alert" role="alert" id=${errorId}>${error.value}</p>`}
  `;
}
