import { failureOf } from '../base/failure.ts'
import type { SignedNames } from '../base/lookups.ts'
import type { Check } from '../client/client.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createNames } from '../net/names.ts'
import { systemRandom as random } from '../net/random.ts'
import { isPublishable } from '../pod/finding.ts'
import type { Pod } from '../pod/pod.ts'
import type { FormerName } from '../pod/renaming.ts'
import { formerNames } from '../pod/renaming.ts'
import type { State } from '../store/state.ts'
import { podService } from '../wire/pod-dns.ts'

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** What the doctor says of names that a pod had before: whether they still lead somewhere, and when one may go. */
export const formerChecks = (
  state: State,
  pod: Pick<Pod, 'hostname' | 'former'>,
  signed: SignedNames | undefined
): (() => Promise<Check[]>)[] => [
  async () => {
    const standing = await formerNames(state, pod, clock.now())
    return await Promise.all(
      standing.map(async one => judgeFormer(one, pod, await leads(one, signed)))
    )
  }
]

/** Where its records lead; null for a name that is in no DNS. */
async function leads(
  { hostname }: FormerName,
  signed: SignedNames | undefined
): Promise<string[] | null> {
  if (!isPublishable(hostname)) return null
  const names = createNames({ random })
  try {
    const { signal } = new AbortController()
    const service = podService(hostname)
    const services = signed
      ? (await signed.services(service, signal)).found
      : await names.services(service, signal)
    if (services.length > 0) return services.map(({ host }) => host)
    return await names.addresses(hostname, signal)
  } catch (err) {
    return [failureOf(err).code]
  }
}

function judgeFormer(
  { hostname, aliases, untilMs }: FormerName,
  pod: Pick<Pod, 'hostname'>,
  seen: string[] | null
): Check {
  const name = `former name ${hostname}`
  const forget = `\`muttr pod rename --forget ${hostname}\``
  const where = seen === null ? '' : `; it leads to ${seen.join(', ') || 'nothing'}`
  if (untilMs !== null) {
    const isOver = untilMs <= clock.now()
    const detail = isOver
      ? `nobody is under it, and nothing more comes for it${where}`
      : `nobody is under it; letters may come for it until ${day(untilMs)}${where}`
    const hint = isOver ? `It may go: ${forget}, then its records.` : null
    return { name, ok: true, detail, hint }
  }
  const ok = seen === null || seen.length > 0
  const hint = ok
    ? null
    : `Publish its records again, with ${pod.hostname} as the target of SRV: who never met the pod finds these people by it alone.`
  return { name, ok, detail: `${aliases} aliases are still under it${where}`, hint }
}
