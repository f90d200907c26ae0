// Short words that something worked; what failed stays beside what failed, as a `Notice`.

const SHOWN_MS = 6_000;

let shown = $state<{ id: number; text: string }[]>([]);
let last = 0;

export const toasts = {
  get shown() {
    return shown;
  },
};

export function toast(text: string) {
  const id = (last += 1);
  shown.push({ id, text });
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number) {
  shown = shown.filter((each) => each.id !== id);
}
