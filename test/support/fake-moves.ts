import { toHex } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { certify } from '../../src/keys/certify.ts'
import { countersign, verifyMove } from '../../src/keys/move.ts'
import { verifySuccession } from '../../src/keys/succession.ts'
import { decodeSignedSuccession } from '../../src/wire/succession.ts'
import type { FakePod } from './fake-pod.ts'

/** What a fake pod does when somebody leaves an alias: it signs, shows it to whoever asks, and goes on handing over what waits. */
export async function takeMove(
  { pod, clock }: { pod: FakePod; clock: Clock },
  frame: Uint8Array,
  key: Certificate
): Promise<Uint8Array> {
  const { from } = await verifyMove(frame, { key, nowMs: clock.now() })
  const certificate = pod.accounts.get(from)?.certificate
  if (certificate?.pin !== key.pin) throw new MuttrError('ALIAS_UNKNOWN', from)
  const signature = await countersign(pod.person, frame, clock.now())
  pod.moved.set(from, { certificate, move: frame })
  return signature
}

/** What it does when a key takes the place of another: it hands over what that has here. */
export async function takeSuccession(
  {
    pod,
    clock,
    present
  }: { pod: FakePod; clock: Clock; present: ReadonlyMap<() => void, Certificate> },
  {
    certificate,
    succession,
    others
  }: { certificate: Certificate; succession: Uint8Array; others: readonly Uint8Array[] }
): Promise<{ aliases: string[]; certificate: Certificate; untilMs: number }> {
  const nowMs = clock.now()
  const { old } = decodeSignedSuccession(succession).succession
  let certified = certificate
  const names: string[] = []
  const former: Certificate[] = []
  const holders = [old.pin, certificate.pin]
  const taken = [...pod.accounts].filter(
    ([, { certificate: kept, former }]) =>
      kept.pin === old.pin || (kept.pin === certificate.pin && former.has(old.fingerprint))
  )
  if (taken.length === 0) throw new MuttrError('SUCCESSION_INVALID', 'whose?')
  const lifeMs = 90 * 24 * 3_600_000
  for (const [alias, account] of taken) {
    const before = account.former.get(old.fingerprint)?.certificate ?? account.certificate
    const shown = { old: before, next: certificate, pod: pod.hostname, nowMs }
    await verifySuccession(succession, shown)
    certified = await certify(pod.person, {
      ...{ certificate: certified, alias, nowMs, lifeMs }
    })
    names.push(alias)
    former.push(before)
  }
  // Another key may have come first.
  if (taken.some(([, { certificate: kept }]) => !holders.includes(kept.pin)))
    throw new MuttrError('SUCCESSION_INVALID', 'whose?')
  for (const [i, [, account]] of taken.entries()) {
    const before = former[i]!
    account.former.set(old.fingerprint, { certificate: before, succession })
    account.certificate = certified
    for (const other of others) account.behind.add(toHex(other))
  }
  for (const [end, there] of present) if (there.pin === old.pin) end()
  pod.succeeded++
  return { aliases: names, certificate: certified, untilMs: nowMs + lifeMs }
}
