import { sha256, toHex, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis, Random } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { AccountId } from './rows.ts'
import { inviteRow, ordered, tables, under } from './rows.ts'
import { rowsOf } from './scan.ts'

export interface Invites {
  /** @returns a code for `uses` new aliases until `untilMs`; the pod keeps only its hash. */
  make(o: { uses: number; untilMs: Millis }): Promise<string>
  /**
   * The changes that use a code up once, to be written together with what it is used for: the write fails when another
   * took the same use at the same time.
   * @throws {MuttrError} `INVITE_INVALID`
   */
  use(code: string | null, account: AccountId, nowMs: Millis): Promise<Change[]>
  sweep(nowMs: Millis): Promise<number>
}

const codeBytes = 16
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

export function createInvites({ state, random }: { state: State; random: Random }): Invites {
  const usesOf = (hash: string) => state.list(tables.inviteUses, under(hash))
  return {
    async make({ uses, untilMs }) {
      const code = spell(random.bytes(codeBytes))
      const value = inviteRow.encode({ uses, untilMs })
      await state.write([{ type: 'put', table: tables.invites, key: hashOf(code), value }])
      return code
    },
    async use(code, account, nowMs) {
      const refuse = (what: string): never => {
        throw new MuttrError('INVITE_INVALID', what)
      }
      if (code === null) return refuse('this pod asks for an invite')
      const hash = hashOf(code.trim().toLowerCase())
      const row = await state.get(tables.invites, hash)
      const invite = row && inviteRow.decode(row)
      if (!invite || invite.untilMs <= nowMs) return refuse('the invite is unknown or has expired')
      const used = (await usesOf(hash)).length
      if (used >= invite.uses) return refuse('the invite is used up')
      const value = new Uint8Array(Buffer.from(account, 'hex'))
      const key = `${hash}/${ordered(used)}`
      return [{ type: 'insert', table: tables.inviteUses, key, value }]
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
