import { Outbox } from '../../base/outbox.ts'
import type { JournalRows } from '../devices/journal.ts'
import type { DeviceList } from '../devices/list.ts'
import type { Policies } from '../requests/policies.ts'
import type { AddressesParts } from './addresses.ts'
import { Addresses } from './addresses.ts'
import { accountHome } from './home.ts'
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
}

/** The rooms of addresses that the person's devices make. They are started by who makes them. */
export function makeAddressRooms(parts: Parts) {
  const { state, self, pods, policies, journal, list, log, clock, life } = parts
  const kept = { state, log, journal, closet: () => self.closet() }
  const relations = new Relations(kept)
  const published = new Published(kept)
  const home = accountHome(pods)
  const policyOf = (alias: string) => policies.ofContact(alias)
  const isAlone = () => list.loaded && list.others().length === 0
  const register = new Register({ home, relations, published, policyOf, isAlone, clock, life })
  const addresses = new Addresses({
    ...parts,
    ...{ relations, published, home, register, policyOf },
    tell: createTell(parts),
    rank: () => list.rank,
    outbox: new Outbox({ parallel: 4 })
  })
  return { addresses, relations, published, register, home }
}
