import { MuttrError } from '../../src/base/errors.ts'
import type { AddressCalls } from '../../src/client/addresses/calls.ts'
import type { Contact, OwnAddress } from '../../src/client/client.ts'

const handed: OwnAddress = {
  ...{ id: '5a'.repeat(32), kind: 'published', alias: 'alice@one.test', contact: null },
  ...{
    blind: false,
    pod: 'one.test',
    policy: 'pull',
    usesLeft: 1,
    untilMs: null,
    waiting: 0,
    note: 'the fair'
  }
}
const given: OwnAddress = {
  ...{ id: '6b'.repeat(32), kind: 'relationship', alias: 'alice@one.test' },
  ...{ contact: 'bob@one.test', pod: 'one.test', policy: 'ask', usesLeft: null },
  ...{ blind: false, untilMs: null, waiting: 3, note: '' }
}

/** What a fake client says about addresses. @param calls what it was asked to do. */
export const fakeAddressCalls = (
  calls: unknown[][],
  contact: (alias: string) => Contact
): AddressCalls => ({
  addresses: async () => [given, handed],
  async makeAddress(options) {
    calls.push(['makeAddress', options])
    return { ...handed, link: 'muttr:address?gw' }
  },
  async revokeAddress(id) {
    calls.push(['revokeAddress', id])
    if (!handed.id.startsWith(id)) throw new MuttrError('ADDRESS_UNKNOWN', `no one address ${id}`)
    return { id: handed.id }
  },
  async renewAddress(alias) {
    calls.push(['renewAddress', alias])
    return { contact: alias, renewed: alias === 'bob@one.test' }
  },
  async useAddress(link) {
    calls.push(['useAddress', link])
    return contact('bob@one.test')
  }
})
