/** Outlines on a field of 24 by 24. */
export const ICONS = {
  shop: "M4 9h16l-1.2 11H5.2zM8.5 9V7a3.5 3.5 0 0 1 7 0v2",
  library: "M5 4v16M9 4v16M13 4.5l5.5 15M3 20h18",
  printer: "M4 20h16M6 20V5h12v15M12 5v5M10 10h4l-2 3zM9 17h6",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01",
  gear: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20a7.5 7.5 0 0 1 15 0",
  plus: "M12 5v14M5 12h14",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
  star: "m12 4 2.5 5.2 5.7.8-4.1 4 1 5.6-5.1-2.7-5.1 2.7 1-5.6-4.1-4 5.7-.8z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6 6 18",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21h4",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 2",
  layers: "m12 4 8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4",
  download: "M12 4v11M7.5 10.5 12 15l4.5-4.5M5 20h14",
  upload: "M12 15V4M7.5 8.5 12 4l4.5 4.5M5 20h14",
  warning: "M12 4 2.5 20h19zM12 10v4.5M12 17.2v.1",
  chevron: "m9 6 6 6-6 6",
  play: "M8 5v14l11-7z",
  key: "M8 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 13l8-8M16 8l3 3",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
} as const;

export type IconName = keyof typeof ICONS;
