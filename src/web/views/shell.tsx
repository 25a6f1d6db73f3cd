import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { reachable } from '../data/ask.ts'
import { lock } from '../data/house.ts'
import { reload, unread } from '../data/mailbox.ts'
import { aliases, setup, status } from '../data/session.ts'
import icon from '../icon.svg'
import { Alarms } from '../parts/alarms.tsx'
import { Button } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { type Linked, PlaceLink } from '../parts/place-link.tsx'
import { helpOpen, ShortcutHelp, useShortcuts } from '../parts/shortcuts.tsx'
import { go, href, route } from '../route.ts'
import { count } from '../text/format.ts'
import { Compose } from './compose.tsx'
import { Contacts } from './contacts.tsx'
import { Drafts } from './drafts.tsx'
import { Mail } from './mail.tsx'
import { Network } from './network.tsx'
import { Requests } from './requests.tsx'
import { Search } from './search.tsx'
import { Sent } from './sent.tsx'
import { SettingsView } from './settings.tsx'

interface Place extends Linked {
  badge?: () => number
}

const places: readonly Place[] = [
  {
    view: 'inbox',
    name: 'Inbox',
    icon: 'inbox',
    keys: 'g i',
    badge: () => unread.value,
    phone: true
  },
  {
    view: 'requests',
    name: 'Requests',
    icon: 'door',
    keys: 'g r',
    badge: () => status.value?.inbox.requests ?? 0
  },
  { view: 'sent', name: 'Sent', icon: 'sent', keys: 'g s', phone: true },
  { view: 'drafts', name: 'Drafts', icon: 'drafts', keys: 'g d' },
  { view: 'archive', name: 'Archive', icon: 'archive', keys: 'g a' },
  { view: 'contacts', name: 'Contacts', icon: 'people', keys: 'g c', phone: true },
  { view: 'network', name: 'Network', icon: 'network', keys: 'g n', phone: true },
  { view: 'settings', name: 'Settings', icon: 'settings', keys: 'g ,', phone: true }
]

/** Where the person is at home: places at the side, and what was chosen beside them. */
export function Shell(): JSX.Element {
  useShortcuts()
  useEffect(() => void reload(), [])
  const { view } = route.value
  const person = setup.value?.fingerprint !== null
  return (
    <div class="shell">
      <button
        type="button"
        class="skip button"
        onClick={() => document.getElementById('main')?.focus()}
      >
        Skip to the letters
      </button>
      <nav class="side" aria-label="Places">
        <div class="brand">
          <img src={icon} alt="" width="28" height="28" />
          <span>Muttr</span>
        </div>
        {person && (
          <Button icon="write" kind="primary" keys="c" onClick={() => go('write')}>
            New letter
          </Button>
        )}
        <ul>
          {places
            .filter(place => person || ['network', 'settings'].includes(place.view))
            .map(place => (
              <PlaceLink
                place={place}
                isHere={isIn(place.view, view)}
                n={place.badge?.() ?? 0}
                what="new"
              />
            ))}
        </ul>
        <Foot />
      </nav>
      <main class="stage" id="main" tabIndex={-1}>
        {!reachable.value && (
          <p class="banner bad" role="alert">
            <Icon name="warning" size={18} /> Muttr does not answer. Is <code>muttr up</code> still
            running? Trying again…
          </p>
        )}
        <Alarms />
        {setup.value?.state === 'starting' && (
          <p class="banner" role="status">
            Your node is starting…
          </p>
        )}
        {person && aliases.value.length === 0 && setup.value?.state === 'running' && (
          <p class="banner">
            You have no address yet, so nobody can write to you.{' '}
            <a href={href('settings')}>Choose one</a>
          </p>
        )}
        {stage(person ? view : view === 'settings' ? view : 'network')}
      </main>
      {helpOpen.value && <ShortcutHelp />}
    </div>
  )
}

const isIn = (place: string, view: string): boolean =>
  place === view || (place === 'inbox' && view === 'label')

function stage(view: string): JSX.Element {
  switch (view) {
    case 'write':
      return <Compose />
    case 'requests':
      return <Requests />
    case 'sent':
      return <Sent />
    case 'drafts':
      return <Drafts />
    case 'contacts':
      return <Contacts />
    case 'network':
      return <Network />
    case 'settings':
      return <SettingsView />
    case 'search':
      return <Search />
    default:
      return <Mail />
  }
}

function Foot(): JSX.Element {
  const now = status.value
  const isOnline = (now?.neighbours ?? 0) > 0
  return (
    <div class="foot">
      <p class="foot-who" title={aliases.value.join(', ')}>
        {aliases.value[0] ?? setup.value?.name}
      </p>
      <a class="foot-net" href={href('network')}>
        <span class={`lamp ${isOnline ? 'on' : 'off'}`} aria-hidden="true" />
        {isOnline ? count(now!.neighbours, 'neighbour') : 'Looking for the network'}
      </a>
      <div class="foot-buttons">
        <Button
          icon="help"
          label="Keyboard shortcuts"
          keys="?"
          kind="quiet"
          onClick={() => (helpOpen.value = true)}
        />
        {setup.value?.sealed && <LockButton />}
      </div>
    </div>
  )
}

const LockButton = (): JSX.Element => (
  <Button icon="lock" label="Lock" kind="quiet" onClick={() => void lock()} />
)
