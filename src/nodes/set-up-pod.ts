import { MuttrError } from '../base/errors.ts'
import type { PodOptions, RunOptions } from '../cli/doors.ts'
import { readConfig, writeConfig } from '../config/config.ts'
import { homeExists, homePaths, readHomeFile, writeFileAtomic } from '../config/home.ts'
import { lockHome } from '../config/lock.ts'
import { loadNetwork } from '../config/network.ts'
import { createHome } from './home.ts'
import { readLink } from './link.ts'

/** Makes a home a pod at the first run; later runs may change its policy, never its hostname. */
export async function setUpPod(options: RunOptions & PodOptions): Promise<void> {
  const { home, hostname, policy } = options
  if (!(await homeExists(home))) return makePodHome(options)
  const paths = homePaths(home)
  const text = Buffer.from((await readHomeFile(paths.config)) ?? []).toString('utf8')
  const config = readConfig(text)
  if (!config.pod)
    throw new MuttrError('HOME_EXISTS', `the home ${home} is a person's, not a pod's`)
  if (hostname !== undefined && hostname.toLowerCase() !== config.pod.hostname)
    throw new MuttrError('HOME_EXISTS', `the home ${home} is the pod ${config.pod.hostname}`)
  if (policy === undefined || policy === config.pod.policy) return
  await using _lock = await lockHome(home)
  const said = JSON.parse(text)
  await writeFileAtomic(paths.config, writeConfig({ ...said, pod: { ...said.pod, policy } }))
}

async function makePodHome(o: RunOptions & PodOptions): Promise<void> {
  if (o.hostname === undefined)
    throw new MuttrError('USAGE', 'a new pod needs --hostname', {
      hint: 'As in: muttr pod --home DIR --hostname pod.example'
    })
  const linked = o.link === undefined ? null : readLink(o.link).network
  const named = o.network ?? (linked ? undefined : 'local')
  const hostname = o.hostname.toLowerCase()
  await createHome({
    home: o.home,
    name: hostname,
    person: true,
    pod: { hostname, policy: o.policy ?? 'invite' },
    network: named === undefined ? linked! : await loadNetwork(named),
    passphrase: await o.passphrase('new-vault')
  })
}
