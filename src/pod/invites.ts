import { sha256, toHex, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis, Random } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import { createStandings } from './office/standings.ts'
import type { AccountId, InviteRow, Maker } from './rows.ts'
import { inviteRow, ordered, tables, under } from './rows.ts'
import { rowsOf } from './scan.ts'

/** What is known of an invite once its code is given away. */
export interface InviteView {
  /** The first digits of the code's hash: a name for it that opens nothing. */
  readonly id: string
  readonly state: 'open' | 'used' | 'revoked' | 'expired'
  readonly uses: number
  readonly used: number
  /** Accounts that came by it. */
  readonly accounts: readonly AccountId[]
  readonly createdMs: Millis
  readonly untilMs: Millis
  readonly by: Maker
  readonly note: string
}

interface NewInvite {
  readonly code: string
  readonly id: string
  readonly changes: Change[]
}

export interface Invites {
  /** A code for `uses` new aliases until `untilMs`, of which the pod keeps only a hash. @throws {MuttrError} `LIMIT_EXCEEDED` */
  make(o: Omit<InviteRow, 'revoked'>): Promise<NewInvite>
  /**
   * The changes that use a code up once, to be written together with what it is used for: the write fails when another
   * took the same use, or revoked the code, at the same time.
   * @throws {MuttrError} `INVITE_INVALID`
   */
  use(code: string | null, account: AccountId, nowMs: Millis): Promise<Change[]>
  /** The changes after which nobody uses it any more; their write fails as that of {@link use}. @throws {MuttrError} `INVITE_UNKNOWN` */
  revoke(id: string, nowMs: Millis): Promise<{ changes: Change[]; invite: InviteView }>
  /** Newest first. */
  list(nowMs: Millis): Promise<InviteView[]>
  sweep(nowMs: Millis): Promise<number>
}

const codeBytes = 16
const idChars = 8
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789' // 32 of them, without l, o, 0, 1

/** 16 random bytes as 26 characters. */
function spell(bytes: Uint8Array): string {
  let bits = BigInt(`0x${toHex(bytes)}`)
  let code = ''
  for (let i = 0; i < 26; i++) {
    code = alphabet[Number(bits & 31n)]! + code
    bits >>= 5n
  }
  return code
}

const hashOf = (code: string): string => toHex(sha256(utf8('muttr invite 1'), utf8(code)))
const refuse = (what: string): never => {
  throw new MuttrError('INVITE_INVALID', what)
}

export function createInvites({
  state,
  random,
  invitesMax
}: {
  state: State
  random: Random
  invitesMax: number
}): Invites {
  const standings = createStandings(state)
  const usesOf = (hash: string) => state.list(tables.inviteUses, under(hash))
  const put = (hash: string, row: InviteRow): Change => ({
    ...{ type: 'put', table: tables.invites, key: hash },
    value: inviteRow.encode(row)
  })
  /** Taken in turn, so that of all who use or revoke a code at once one is first. */
  const take = (hash: string, turn: number, value: Uint8Array): Change => ({
    ...{ type: 'insert', table: tables.inviteUses, key: `${hash}/${ordered(turn)}` },
    value
  })
  const read = async (hash: string, row: InviteRow, nowMs: Millis): Promise<InviteView> => {
    const { uses, createdMs, untilMs, by, note } = row
    const accounts = (await usesOf(hash)).map(({ value }) => toHex(value)).filter(id => id !== '')
    const used = accounts.length
    const ended = untilMs <= nowMs ? 'expired' : used >= uses ? 'used' : 'open'
    const id = hash.slice(0, idChars)
    const standing = row.revoked ? 'revoked' : ended
    return { id, state: standing, uses, used, accounts, createdMs, untilMs, by, note }
  }
  const withPrefix = (id: string) =>
    /^[0-9a-f]{4,64}$/.test(id)
      ? state.list(tables.invites, { gte: id, lt: `${id}g`, limit: 2 })
      : Promise.resolve([])

  return {
    async make(row) {
      if ((await state.list(tables.invites, { limit: invitesMax })).length >= invitesMax)
        throw new MuttrError('LIMIT_EXCEEDED', `${invitesMax} invites are open`, {
          hint: 'Revoke some with `muttr pod invites revoke ID`, or let them expire.'
        })
      for (;;) {
        const code = spell(random.bytes(codeBytes))
        const hash = hashOf(code)
        const id = hash.slice(0, idChars)
        if ((await withPrefix(id)).length === 0)
          return { code, id, changes: [put(hash, { ...row, revoked: false })] }
      }
    },
    async use(code, account, nowMs) {
      if (code === null) return refuse('this pod asks for an invite')
      const hash = hashOf(code.trim().toLowerCase())
      // Uses first: what is revoked after this took the turn that is next here.
      const used = (await usesOf(hash)).length
      const row = await state.get(tables.invites, hash)
      const invite = row && inviteRow.decode(row)
      if (!invite || invite.untilMs <= nowMs) return refuse('the invite is unknown or has expired')
      const { by } = invite
      if (invite.revoked) return refuse('the invite was taken back')
      if (by.kind === 'account' && (await standings.of(by.name, nowMs)))
        return refuse('who made the invite may not invite any more')
      if (used >= invite.uses) return refuse('the invite is used up')
      return [take(hash, used, new Uint8Array(Buffer.from(account, 'hex')))]
    },
    async revoke(id, nowMs) {
      const [row, other] = await withPrefix(id)
      if (!row || other) throw new MuttrError('INVITE_UNKNOWN', `no one invite begins with ${id}`)
      const turn = (await usesOf(row.key)).length
      const before = inviteRow.decode(row.value)
      if (before.revoked) throw new MuttrError('INVITE_UNKNOWN', `${id} was taken back already`)
      const after = { ...before, revoked: true }
      return {
        changes: [take(row.key, turn, new Uint8Array()), put(row.key, after)],
        invite: await read(row.key, after, nowMs)
      }
    },
    async list(nowMs) {
      const all: InviteView[] = []
      for await (const { key, value } of rowsOf(state, tables.invites))
        all.push(await read(key, inviteRow.decode(value), nowMs))
      return all.sort((a, b) => b.createdMs - a.createdMs)
    },
    async sweep(nowMs) {
      let dropped = 0
      for await (const { key, value } of rowsOf(state, tables.invites)) {
        if (inviteRow.decode(value).untilMs > nowMs) continue
        const uses = (await usesOf(key)).map(row => row.key)
        await state.write([
          { type: 'delete', table: tables.invites, key },
          ...uses.map((use): Change => ({ type: 'delete', table: tables.inviteUses, key: use }))
        ])
        dropped += 1
      }
      return dropped
    }
  }
}
