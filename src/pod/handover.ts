import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { aliasUserId, namesAlias } from '../keys/alias-user-id.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { verifySuccession } from '../keys/succession.ts'
import type { Change, State } from '../store/state.ts'
import type { KeyName } from '../wire/succession.ts'
import { decodeSignedSuccession } from '../wire/succession.ts'
import type { AliasName } from './alias.ts'
import type { AliasTable } from './alias-table.ts'
import type { Certify } from './certify.ts'
import type { Hostnames } from './hostnames.ts'
import { podTimes } from './limits.ts'
import { leftCertificate } from './moves.ts'
import { deleteKey, putKey } from './public-index.ts'
import type { AccountId, AccountRow } from './rows.ts'
import { putAccount } from './rows.ts'
import type { Successions } from './successions.ts'

/** What a key takes over from the one that it succeeds. */
export interface Succeeded {
  readonly account: AccountId
  readonly names: readonly AliasName[]
  /** With the pod's certification of each. */
  readonly certificate: Certificate
  readonly untilMs: Millis
}

interface Parts {
  state: State
  crypto: Crypto
  names: Hostnames
  aliases: AliasTable
  successions: Successions
  account(id: AccountId): Promise<AccountRow | undefined>
  isRevoked(pin: string): Promise<boolean>
  certify: Certify
}

interface Asked {
  frame: Uint8Array
  old: KeyName
  /** Keys, hex, of devices that may listen under the old key until they have the new one. */
  others: readonly string[]
  nowMs: Millis
}

/** @returns undefined when the account was changed meanwhile. @throws {MuttrError} `SUCCESSION_INVALID`, `KEY_INVALID`, `LIMIT_EXCEEDED`, `CLOCK_WRONG` */
export type Handover = (next: Certificate, asked: Asked) => Promise<Succeeded | undefined>

const refuse = (what: string): never => {
  throw new MuttrError('SUCCESSION_INVALID', what)
}

/** Gives an account to the key that succeeds its own, in one write: its rows stay where they are, and have another holder. */
export function createHandover(parts: Parts): Handover {
  const { state, crypto, aliases, successions } = parts

  /** @returns whether it was handed over before. @throws {MuttrError} `SUCCESSION_INVALID` */
  async function check(account: AccountId, old: KeyName, next: Certificate): Promise<boolean> {
    const before = await successions.holder(old.pin)
    const after = await successions.holder(next.pin)
    const isOurs = !before.current && after.current && after.account === account
    const link = isOurs && (await successions.link(account, old.fingerprint))
    const isDone = link && decodeSignedSuccession(link.succession).succession.next.pin === next.pin
    if (!before.current && !isDone) refuse('another key has succeeded the old one')
    if (!isDone && (after.account !== next.pin || (await parts.account(next.pin))))
      refuse('the new key has an account of its own here, or had one')
    if (await parts.isRevoked(old.pin)) refuse('the old key is revoked')
    return Boolean(isDone)
  }

  return async (next, { frame, old, others, nowMs }) => {
    const { account } = await successions.holder(old.pin)
    const known = await parts.account(account)
    const names = await aliases.active(account)
    const left = names.length === 0 ? await leftCertificate(state, account) : undefined
    if (!known || (names.length === 0 && !left)) return refuse('the old key has no alias here')
    const isDone = await check(account, old, next)
    const rows = await Promise.all(names.map(name => aliases.get(name)))
    const link = await successions.link(account, old.fingerprint)
    const shown = await crypto.readCertificate(link?.certificate ?? rows[0]?.certificate ?? left!)
    const { pod: said } = decodeSignedSuccession(frame).succession
    const pod = parts.names.has(said) ? said : parts.names.hostname
    await verifySuccession(frame, { old: shown, next, pod, nowMs }, crypto)
    let certified = next
    const places: Change[] = []
    for (const name of names) {
      const all = await parts.names.of(name)
      // A name of the pod that its owner has left already is none of the new key's.
      const isNamed = (at: string) => next.userIds.some(id => namesAlias(id, `${name}@${at}`))
      const kept = all.filter(isNamed)
      const [first = all[0]] = kept
      checkCertificate({ certificate: certified, pin: next.pin, nowMs }, `${name}@${first}`)
      certified = (await parts.certify(name, certified, nowMs)).certificate
      places.push(parts.names.put(name, kept))
    }
    const untilMs = nowMs + podTimes.certificationLifeMs
    const { bytes, fingerprint } = certified
    const taken = { takenMs: nowMs, certificate: shown.bytes, succession: frame }
    const { ok } = await state.write([
      ...(isDone ? [] : await successions.handOver(account, shown, next, taken)),
      ...(await successions.behind.add(account, others, nowMs)),
      ...names.flatMap((name, i) =>
        aliases.replace(name, rows[i], { account, state: 'active', untilMs, certificate: bytes })
      ),
      putAccount(account, { ...known, fingerprint, seenMs: nowMs }),
      deleteKey(known.fingerprint),
      putKey(fingerprint, account),
      ...places
    ])
    return ok ? { account, names, certificate: certified, untilMs } : undefined
  }
}

/** @throws {MuttrError} `KEY_INVALID` */
export function checkCertificate(
  { certificate, pin, nowMs }: { certificate: Certificate; pin: string; nowMs: Millis },
  alias: string
): void {
  const refuse = (what: string): never => {
    throw new MuttrError('KEY_INVALID', what)
  }
  if (certificate.pin !== pin) refuse('the certificate is not of the person who identified')
  if (certificate.revoked) refuse('the certificate is revoked')
  if (certificate.expiresMs !== null && certificate.expiresMs <= nowMs)
    refuse('the certificate has expired')
  if (!certificate.userIds.some(userId => namesAlias(userId, alias)))
    refuse(`the certificate lacks the User ID ${aliasUserId(alias)}`)
}
