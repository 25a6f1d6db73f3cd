import type { JSX } from 'preact'

/** Lines on a grid of 24, drawn in the colour of the text. */
const paths = {
  inbox: 'M4 13h4l2 3h4l2-3h4M4 13 6.5 5h11L20 13v6H4z',
  sent: 'M21 3 10 14M21 3l-6.5 18-4-7.5L3 9.5z',
  drafts: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  archive: 'M4 8h16v12H4zM3 4h18v4H3zM10 12h4',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20c.4-3.7 3-6 6.5-6s6.1 2.3 6.5 6M16 4.500a3.5 3.5 0 0 1 0 6.500M18 14.500c2 .8 3.3 2.7 3.5 5.5',
  network: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 2.500v3M12 18.500v3M2.5 12h3M18.5 12h3',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M20 20l-4.7-4.7',
  write: 'M12 5v14M5 12h14',
  reply: 'M9 6 4 11l5 5M4 11h9c4 0 6.5 2.5 7 7',
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M14 5l-7 7 7 7',
  check: 'M5 12.5 10 17 19 7',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  warning: 'M12 4 2.5 20h19zM12 10v4.500M12 17.300v.2',
  shield: 'M12 3 5 6v5c0 5 3 8.5 7 10 4-1.5 7-5 7-10V6zM9 12l2.2 2.200L15.5 10',
  clip: 'M19 11l-7.5 7.500a4.5 4.5 0 0 1-6.4-6.400L13 4.300a3 3 0 0 1 4.3 4.300l-7.7 7.700a1.5 1.5 0 0 1-2.1-2.100L14.5 7',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2',
  door: 'M5 21V4h10v17M3 21h18M12 12.500v.01',
  label: 'M4 4h8l8 8-8 8-8-8zM8.5 8.500v.01',
  trash: 'M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  download: 'M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14',
  help: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M9.7 9.500c.3-1.3 1.2-2 2.4-2 1.4 0 2.4.9 2.4 2.1 0 1.7-2.4 1.9-2.4 3.700M12.1 16.300v.1',
  menu: 'M4 7h16M4 12h16M4 17h16',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l11 7-11 7z',
  seal: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M8.5 12.200l2.4 2.4 4.6-5'
} as const

export type IconName = keyof typeof paths

export const Icon = ({ name, size = 20 }: { name: IconName; size?: number }): JSX.Element => (
  <svg
    class="icon"
    width={size}
    height={size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.7"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d={paths[name]} />
  </svg>
)
