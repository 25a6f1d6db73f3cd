import { connectDaemon, readApiFile } from '../api/file.ts'
import type { LoginUrls, PodAdmin } from '../cli/doors.ts'
import { lockHome } from '../config/lock.ts'
import { systemClock as clock } from '../net/clock.ts'
import { systemRandom as random } from '../net/random.ts'
import { createAdmin } from '../pod/admin/admin.ts'
import { createAudit } from '../pod/office/audit.ts'
import { adminUrl, loginUrl } from './admin-url.ts'
import { readHome } from './home.ts'
import { mustBePod } from './init-pod.ts'
import { makerNamed } from './pod-operator.ts'
import { openPodState } from './pod-state.ts'

/** Of a pod that runs, by its local API; of one that does not, by its home. As `Doors.openAdmin`. */
export async function openAdmin(
  folder: string,
  signal: AbortSignal
): Promise<PodAdmin & AsyncDisposable> {
  await mustBePod(folder)
  return (await runningAdmin(folder, signal)) ?? (await restingAdmin(folder))
}

async function runningAdmin(
  folder: string,
  signal: AbortSignal
): Promise<(PodAdmin & AsyncDisposable) | undefined> {
  const remote = await connectDaemon(folder, { random, clock, signal })
  const api = await readApiFile(folder)
  if (!remote || !api) return undefined
  const { pod } = remote
  return {
    operators: () => pod.operators(),
    add: (name, o) => pod.addOperator(name, o),
    setRole: (name, o) => pod.setRole(name, o),
    remove: (name, o) => pod.removeOperator(name, o),
    reset: (name, o) => pod.resetOperator(name, o),
    async link(o): Promise<LoginUrls> {
      const { operator, token, untilMs, url, problem } = await pod.loginLink(o)
      const local = loginUrl(`${api.url}/admin/`, token)
      return { operator, untilMs, url, local, problem }
    },
    [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose]()
  }
}

/** Nothing of the pod runs, nor begins meanwhile. */
async function restingAdmin(folder: string): Promise<PodAdmin & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  stack.use(await lockHome(folder))
  const { config, paths } = await readHome(folder)
  const { hostname, store } = config.pod!
  const state = stack.use(await openPodState(store, paths.podDb))
  const audit = createAudit(state)
  const admin = createAdmin({ state, audit, clock, random, hostname })
  const all = stack.move()
  return {
    operators: () => admin.operators(),
    add: (name, { by, role }) => admin.add(makerNamed(by), name, role),
    setRole: (name, { by, role }) => admin.setRole(makerNamed(by), name, role),
    remove: (name, { by }) => admin.remove(makerNamed(by), name),
    reset: (name, { by }) => admin.reset(makerNamed(by), name),
    async link({ by, name }): Promise<LoginUrls> {
      const { operator, token, untilMs } = await admin.link(makerNamed(by), name)
      const page = adminUrl(config, undefined)
      return { operator, untilMs, url: page && loginUrl(page, token), local: null, problem: null }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}
