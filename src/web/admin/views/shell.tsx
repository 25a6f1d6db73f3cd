import type { JSX } from 'preact'
import type { PodOverview } from '../../../api/overview.ts'
import { reachable } from '../../data/ask.ts'
import { attempt } from '../../data/toasts.ts'
import icon from '../../icon.svg'
import { Button } from '../../parts/basics.tsx'
import { Icon } from '../../parts/icons.tsx'
import { type Linked, PlaceLink } from '../../parts/place-link.tsx'
import { href, route } from '../../route.ts'
import { get } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { logout, session } from '../data/session.ts'
import { Applications } from './applications.tsx'
import { Audit } from './audit.tsx'
import { Invites } from './invites.tsx'
import { Operators } from './operators.tsx'
import { Overview } from './overview.tsx'
import { OwnLogin } from './own-login.tsx'
import { Peers } from './peers.tsx'
import { People } from './people.tsx'
import { Reports } from './reports.tsx'
import { Rules } from './rules.tsx'
import { PodSettingsView } from './settings.tsx'

interface Place extends Linked {
  show: () => JSX.Element
  badge?: (pod: PodOverview) => number
}

const overview: Place = {
  view: 'overview',
  name: 'Overview',
  icon: 'seal',
  show: () => <Overview more={placeLinks} />,
  phone: true
}
const places: readonly Place[] = [
  overview,
  { view: 'people', name: 'People', icon: 'people', show: () => <People />, phone: true },
  {
    view: 'applications',
    name: 'Applications',
    icon: 'door',
    show: () => <Applications />,
    badge: ({ waiting }) => waiting,
    phone: true
  },
  {
    view: 'reports',
    name: 'Reports',
    icon: 'warning',
    show: () => <Reports />,
    badge: ({ reports }) => reports,
    phone: true
  },
  { view: 'invites', name: 'Invites', icon: 'label', show: () => <Invites /> },
  { view: 'rules', name: 'Names and rates', icon: 'archive', show: () => <Rules /> },
  { view: 'peers', name: 'Other pods', icon: 'network', show: () => <Peers /> },
  { view: 'audit', name: 'What was done', icon: 'clock', show: () => <Audit /> },
  { view: 'operators', name: 'Operators', icon: 'shield', show: () => <Operators /> },
  {
    view: 'settings',
    name: 'Settings',
    icon: 'settings',
    show: () => <PodSettingsView />,
    phone: true
  },
  { view: 'login', name: 'Your login', icon: 'lock', show: () => <OwnLogin /> }
]

/** Those that have no room in the bar of a phone. */
const placeLinks = places.filter(({ phone }) => !phone)

export function AdminShell(): JSX.Element {
  const here = places.find(({ view }) => view === route.value.view) ?? overview
  const { value: pod } = useLoad(() => get<PodOverview>('pod/overview'))
  return (
    <div class="shell">
      <button
        type="button"
        class="skip button"
        onClick={() => document.getElementById('main')?.focus()}
      >
        Skip the places
      </button>
      <nav class="side" aria-label="Places">
        <div class="brand">
          <img src={icon} alt="" width="28" height="28" />
          <span>{pod?.hostname ?? 'Muttr pod'}</span>
        </div>
        <ul>
          {places.map(place => (
            <PlaceLink
              place={place}
              isHere={place === here}
              n={(pod && place.badge?.(pod)) ?? 0}
              what="waiting"
            />
          ))}
        </ul>
        <div class="foot">
          <p class="foot-who">{session.value?.operator.name}</p>
          <p class="foot-who muted">{session.value?.operator.role}</p>
          <div class="foot-buttons">
            <Button kind="quiet" onClick={() => void attempt(logout)}>
              Log out
            </Button>
          </div>
        </div>
      </nav>
      <main class="stage" id="main" tabIndex={-1}>
        {!reachable.value && (
          <p class="banner bad" role="alert">
            <Icon name="warning" size={18} /> The pod does not answer; it may be starting. Trying
            again…
          </p>
        )}
        {session.value?.operator.hasPassword === false && (
          <p class="banner" role="status">
            You have no password yet, so that only a link lets you in.{' '}
            <a href={href('login')}>Choose one</a>
          </p>
        )}
        {here.show()}
      </main>
    </div>
  )
}
