// Light or dark: as the device says, unless the person chose.

export type Theme = "auto" | "light" | "dark";

const KEPT = "sealpost-theme";
const kept = localStorage.getItem(KEPT);

let chosen = $state<Theme>(kept === "light" || kept === "dark" ? kept : "auto");
show(chosen);

export const theme = {
  get chosen(): Theme {
    return chosen;
  },
  choose(wanted: Theme) {
    chosen = wanted;
    if (wanted === "auto") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, wanted);
    show(wanted);
  },
};

function show(wanted: Theme) {
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
}
