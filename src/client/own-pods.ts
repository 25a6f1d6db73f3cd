import { MuttrError } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
import type { Applying } from './applying.ts'
import type { Status } from './client.ts'
import type { Pods } from './pods.ts'
import type { Self } from './self.ts'

/** Every pod where we have an alias or wait for one, also one that the network file has dropped. */
export async function ownPods(
  self: Self,
  pods: Pods,
  applying: Pick<Applying, 'list'>
): Promise<Status['pods']> {
  const asked = await applying.list()
  const hostnames = new Set([...self.registrations(), ...asked].map(({ pod }) => pod))
  const lines = new Map(pods.lines.map(line => [line.hostname, line]))
  return await Promise.all(
    [...hostnames].map(async hostname => {
      const line = lines.get(hostname)
      const lost = new MuttrError('POD_UNKNOWN', `no address of the pod ${hostname} is known`)
      return {
        hostname,
        connected: line?.connected ?? false,
        identified: line?.identified ?? false,
        aliases: self.registrations().flatMap(({ pod, alias }) => (pod === hostname ? alias : [])),
        waiting: asked.flatMap(({ pod, alias, problem }) =>
          pod === hostname ? { alias, problem } : []
        ),
        escrow: await pods.escrowOf(hostname),
        problem: line ? line.problem : failureOf(lost),
        trust: await pods.trustOf(hostname),
        found: pods.foundBy(hostname)
      }
    })
  )
}
