// A person who works by keys, or who hears the page, is at one place of it. When that place is taken away, because the button did what
// it says or somebody else did it first, they stay near it instead of being thrown to the page's beginning.

/** The place of an element while it is there, to come back to when it may be gone. */
export function placeOf(element: Element | null): () => void {
  const around: Element[] = [];
  for (let each = element; each; each = each.parentElement) around.push(each);
  return () => {
    if (element instanceof HTMLElement && element.isConnected && element !== document.body) {
      element.focus({ preventScroll: true });
      if (document.activeElement === element) return;
    }
    const there = around.find((each) => each.isConnected && each !== element && each !== document.body);
    near(there ?? document.body).focus({ preventScroll: true });
  };
}

/** Follows where the person is, and brings them near it when it goes; ends when the returned function is called. */
export function keepPlace(): () => void {
  let at: Element | undefined;
  let back = () => {};
  const ended = new AbortController();

  function came({ target }: FocusEvent) {
    if (!(target instanceof Element)) return;
    at = target;
    back = placeOf(target);
  }

  /** Whoever leaves for nowhere by themselves stays there. */
  function left() {
    setTimeout(() => {
      if (at?.isConnected && !at.matches(":disabled") && document.activeElement !== at) at = undefined;
    });
  }

  const watch = new MutationObserver(() => {
    if (!at || (document.activeElement && document.activeElement !== document.body)) return;
    // A button that waits for its answer comes back, or goes then.
    if (at.isConnected && at.matches(":disabled")) return;
    back();
  });

  document.addEventListener("focusin", came, { signal: ended.signal });
  document.addEventListener("focusout", left, { signal: ended.signal });
  watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });
  return () => {
    ended.abort();
    watch.disconnect();
  };
}

/** What stands for a place: its heading, else the place itself. */
function near(element: Element): HTMLElement {
  const place = element.closest<HTMLElement>("section, article, form, li, dialog, .card, main") ?? document.getElementById("content");
  const found = (place?.tagName === "MAIN" ? place : (place?.querySelector<HTMLElement>("h1, h2, h3") ?? place)) ?? document.body;
  if (!found.hasAttribute("tabindex")) {
    found.tabIndex = -1;
    found.addEventListener("blur", () => found.removeAttribute("tabindex"), { once: true });
  }
  return found;
}
