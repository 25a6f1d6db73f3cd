import type { Emit } from '../base/events.ts'
import type { Outbox } from '../base/outbox.ts'
import type { Clock, Log, Random } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Dht } from '../seed/dht.ts'
import type { Addresses } from './addresses/addresses.ts'
import type { Contacts } from './contacts.ts'
import type { Devices } from './devices/devices.ts'
import type { InboxStore } from './inbox-store.ts'
import type { Fetched } from './mailbox/fetched.ts'
import type { Releases } from './release.ts'
import type { Requests } from './requests/requests.ts'
import type { Self } from './self.ts'
import type { StrangerFetch } from './stranger-fetch.ts'
import type { Strangers } from './strangers.ts'

export interface InboxParts {
  dht: Pick<Dht, 'get'>
  contacts: Contacts
  /** That we made for correspondents. */
  addresses: Pick<Addresses, 'at' | 'offered' | 'received'>
  self: Self
  store: InboxStore
  /** When a letter that could not be fetched is tried again. */
  queue: Outbox
  strangers: Strangers
  /** Where letters wait about which the person is asked first. */
  requests: Requests
  /** Letters that came while the vault was locked. */
  fetched: Fetched
  /** Where letters go that were opened and are on the disk. */
  releases: Pick<Releases, 'plan' | 'due' | 'wake'>
  /** The person's other devices. */
  devices: Pick<Devices, 'note' | 'kept' | 'take' | 'mayBringKeys' | 'isReady'>
  /** Fetches what people write whom we do not know. */
  strangerFetch: StrangerFetch
  /** A notice of ours to ourselves that was under way is here. */
  onProbe(alias: string): Promise<void>
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  emit: Emit
  life: AbortSignal
}
