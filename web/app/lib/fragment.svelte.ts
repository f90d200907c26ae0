// What stands behind the `#` of an address: it reached no server, and is taken out so that nobody reads it over a shoulder.

/** To be called while a page is set up; a link that is opened over the page is read too. */
export function fragment(): { readonly text: string } {
  let text = $state(take());
  $effect(() => {
    const again = () => {
      const fresh = take();
      if (fresh) text = fresh;
    };
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  });
  return {
    get text() {
      return text;
    },
  };
}

function take(): string {
  const text = location.hash.slice(1);
  if (text) history.replaceState(history.state, "", location.pathname + location.search);
  return text;
}
