import { markPlaces, namesNow, renamed, wantNames } from '../../src/pod/renaming.ts'
import type { PodHost, PodWorld } from './pod-world.ts'

type HostOptions = NonNullable<Parameters<PodWorld['host']>[0]>

/** As `muttr pod rename` does, and then the pod begins, beside the one that there was. */
export async function renamedHost(
  world: PodWorld,
  before: PodHost,
  { hostname, ...how }: Pick<HostOptions, 'federation'> & { hostname: string }
): Promise<PodHost> {
  const { state } = before
  await markPlaces(state, await namesNow(state))
  await wantNames(state, renamed(await namesNow(state), hostname))
  return await world.host({ ...how, hostname, beside: before, state })
}
