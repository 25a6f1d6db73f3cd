import { failureOf } from '../base/failure.ts'
import type { DatagramDoor, Failure, Log } from '../base/ports.ts'
import type { Check } from '../client/client.ts'
import type { Config } from '../config/config.ts'
import { openDatagramDoor } from '../net/datagrams.ts'
import type { DatagramOutcome, Measure } from '../pod/measure.ts'

type PodConfig = Pick<NonNullable<Config['pod']>, 'udp' | 'federation'>

export interface HostedDatagrams extends AsyncDisposable {
  /** With the port that others send to; undefined where none are taken. */
  readonly door: DatagramDoor | undefined
  /** Counts along. */
  counting(measure: Measure): Measure
  readonly checks: readonly (() => Promise<Check[]>)[]
}

/** Opens the UDP port of a pod. Where that fails the pod does without: what datagrams hasten comes by the streams. */
export async function hostDatagrams(
  { udp, federation }: PodConfig,
  log: Log
): Promise<HostedDatagrams> {
  const counts = new Map<DatagramOutcome, number>()
  let problem: Failure | undefined
  const opened =
    udp && federation === 'open'
      ? await openDatagramDoor({ port: udp.port, ...(udp.host && { host: udp.host }) }).catch(
          err => {
            problem = failureOf(err)
            log.warn('pod.udp-not-open', { port: udp.port, err })
            return undefined
          }
        )
      : undefined
  const check = (): Check => {
    const ok = opened !== undefined
    const taken = counts.get('taken') ?? 0
    const dropped = [...counts].filter(([outcome]) => outcome !== 'taken')
    const said = dropped.map(([outcome, count]) => `${outcome} ${count}`).join(', ')
    const detail = ok
      ? `UDP port ${opened.port}: ${taken} notices taken, dropped: ${said || 'none'}`
      : (problem?.message ?? `a pod with \`federation: "${federation}"\` takes no datagrams`)
    const hint = ok
      ? `See that the firewall lets UDP port ${udp!.port} in, as by \`ufw allow ${udp!.port}/udp\`: \`muttr pod doctor\` has another pod look.`
      : 'Take `pod.udp` out of muttr.json, or give it a port that is free.'
    return { name: 'udp', ok, detail, hint }
  }
  return {
    door: opened && { port: udp!.announce ?? opened.port, accept: take => opened.accept(take) },
    counting: measure => ({
      ...measure,
      datagram(outcome) {
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
        measure.datagram(outcome)
      }
    }),
    checks: udp ? [async () => [check()]] : [],
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]()
    }
  }
}
