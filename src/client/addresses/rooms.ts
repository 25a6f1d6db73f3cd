import { Outbox } from '../../base/outbox.ts'
import type { JournalRows } from '../devices/journal.ts'
import type { DeviceList } from '../devices/list.ts'
import type { Pods } from '../pods.ts'
import type { Policies } from '../requests/policies.ts'
import type { AddressesParts } from './addresses.ts'
import { Addresses } from './addresses.ts'
import { accountHome, relationHome } from './home.ts'
import { createKeyPods } from './key-pods.ts'
import { PollMarks } from './poll-marks.ts'
import { pollRestMs, pollSchedule } from './poll-pace.ts'
import type { PollsParts } from './polls.ts'
import { Polls } from './polls.ts'
import { Published } from './published.ts'
import { Register } from './register.ts'
import type { RelationsParts } from './relations.ts'
import { Relations } from './relations.ts'
import type { TellParts } from './tell.ts'
import { createTell } from './tell.ts'

interface Parts
  extends TellParts,
    Pick<RelationsParts, 'state'>,
    Pick<AddressesParts, 'contacts' | 'self' | 'emit'> {
  contacts: TellParts['contacts'] & AddressesParts['contacts']
  self: TellParts['self'] & AddressesParts['self'] & { closet: RelationsParts['closet'] }
  policies: Pick<Policies, 'ofContact'>
  journal: JournalRows
  list: DeviceList
  pods: TellParts['pods'] & Pick<Pods, 'asking' | 'others'>
  /** Addresses for correspondents are made by keys at other pods, where there are some. */
  isBlind: boolean
  onNotices: PollsParts['onNotices']
}

/** The rooms of addresses that the person's devices make. They are started by who makes them. */
export function makeAddressRooms(parts: Parts) {
  const { state, self, pods, policies, journal, list, log, clock, random, life, isBlind } = parts
  const kept = { state, log, journal, closet: () => self.closet() }
  const relations: Relations = new Relations({
    ...kept,
    onChange: relation => polls.take(relation)
  })
  const published = new Published(kept)
  const accounts = accountHome(pods)
  const policyOf = (alias: string) => policies.ofContact(alias)
  const isAlone = () => list.loaded && list.others().length === 0
  const keyPods = createKeyPods({
    ...{ asking: pods.asking, pods: pods.others, clock, random }
  })
  const polls: Polls = new Polls({
    marks: new PollMarks(kept),
    ...{ relations, keyPods, policyOf, self, clock, random, log, life },
    onNotices: parts.onNotices,
    onLost: relation => addresses.lost(relation),
    outbox: new Outbox({ schedule: pollSchedule, parallel: 1, restMs: pollRestMs })
  })
  const home = accounts
  const register = new Register({ home, relations, published, policyOf, isAlone, clock, life })
  const addresses: Addresses = new Addresses({
    ...parts,
    ...{ relations, published, register, polls, policyOf },
    home: relationHome({ isBlind, accounts, keyPods, polls, random }),
    tell: createTell(parts),
    rank: () => list.rank,
    outbox: new Outbox({ parallel: 4 })
  })
  return { addresses, relations, published, register, home, polls, keyPods }
}
