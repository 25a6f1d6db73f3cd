import type { JSX } from 'preact'
import { href } from '../route.ts'
import { Icon, type IconName } from './icons.tsx'

/** Somewhere that one can go, at the side of the page. */
export interface Linked {
  view: string
  name: string
  icon: IconName
  /** Keys that lead there, for the tooltip. */
  keys?: string
  /** Stands in the bar at the bottom of a phone. */
  phone?: boolean
}

interface Props {
  place: Linked
  isHere: boolean
  /** How many of what is there want to be looked at. */
  n: number
  /** What those are: `new`, `waiting`. */
  what: string
}

/** An item of the list of places. */
export const PlaceLink = ({ place, isHere, n, what }: Props): JSX.Element => {
  const { view, name, icon, keys, phone } = place
  return (
    <li class={phone ? '' : 'not-on-phone'}>
      <a
        class="place"
        href={href(view)}
        aria-current={isHere ? 'page' : undefined}
        title={keys === undefined ? name : `${name} (${keys})`}
      >
        <Icon name={icon} />
        <span class="place-name">{name}</span>
        {n > 0 && (
          <span class="badge">
            {n}
            <span class="unseen"> {what}</span>
          </span>
        )}
      </a>
    </li>
  )
}
