import { connectDaemon } from '../api/file.ts'
import type { RemoteClient } from '../api/remote.ts'
import { MuttrError } from '../base/errors.ts'
import type { Doors } from '../cli/doors.ts'
import { systemClock as clock } from '../net/clock.ts'
import { systemRandom as random } from '../net/random.ts'
import { applyLink, readLink } from './link.ts'

/** What the command line is handed. What needs libp2p is loaded when it is needed: most commands only talk to a daemon. */
export const doors: Doors = {
  async openClient(home, options) {
    const remote = await daemonOf(home, options.signal, () => options.passphrase('vault'))
    return remote ?? (await import('./light.ts')).openLight(home, options)
  },
  async exportKey(folder, signal) {
    await using remote = await daemonOf(folder, signal)
    if (remote) return await remote.exportKey()
    return (await import('./home.ts')).ownCertificate(folder)
  },
  initHome: async options => (await import('./init.ts')).initHome(options),
  restore: async options => (await import('./restore.ts')).restoreHome(options),
  restoreFromNetwork: async options =>
    (await import('./restore-network.ts')).restoreFromNetwork(options),
  joinDevice: async options => (await import('./join-device.ts')).joinAsDevice(options),
  joinLink: ({ home, link }) => applyLink(home, readLink(link)),
  linkContact(link) {
    const { contact } = readLink(link)
    if (!contact) throw new MuttrError('LINK_INVALID', 'the link names nobody')
    return contact
  },
  runSeed: async options => (await import('./daemon.ts')).runDaemon(options),
  async pageOf(home, signal) {
    const remote = await daemonOf(home, signal)
    if (!remote)
      throw new MuttrError('DAEMON_UNREACHABLE', 'no node of this home runs', {
        hint: 'Start it with `muttr up`.'
      })
    await remote[Symbol.asyncDispose]()
    return (await import('./page.ts')).pageOf(home)
  },
  openPage: async (home, url) => (await import('./page.ts')).openPage(home, url),
  initPod: async options => (await import('./init-pod.ts')).initPod(options),
  examinePod: async (home, signal) => (await import('./pod-doctor.ts')).examinePod(home, signal),
  addPodMember: async options => (await import('./pod-members.ts')).makePodMember(options),
  migratePod: async options => (await import('./migrate-pod.ts')).migratePod(options),
  renamePod: async options => (await import('./rename-pod.ts')).renamePod(options),
  async upgradePod({ home: folder, undo, ...how }) {
    const { lockedPod } = await import('./init-pod.ts')
    await using home = await lockedPod(folder)
    const { undoUpgrade, upgradePod } = await import('./upgrade/upgrade.ts')
    return await (undo ? undoUpgrade(home, how) : upgradePod(home, how))
  },
  async checkUpgrade(folder) {
    await (await import('./init-pod.ts')).mustBePod(folder)
    const home = await (await import('./home.ts')).readHome(folder)
    return await (await import('./upgrade/check.ts')).checkUpgrade(home)
  },
  async runPod(options) {
    await (await import('./init-pod.ts')).mustBePod(options.home)
    await (await import('./daemon.ts')).runDaemon(options)
  },
  async openPod(home, { signal }) {
    const remote = await daemonOf(home, signal)
    if (!remote)
      throw new MuttrError('DAEMON_UNREACHABLE', 'the pod does not run', {
        hint: 'Start it with `muttr pod up`.'
      })
    return { ...remote.pod, [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose]() }
  },
  openAdmin: async (home, signal) => (await import('./pod-admin.ts')).openAdmin(home, signal),
  openJournal: async (home, name) => (await import('./journal.ts')).openJournal(home, name),
  runProgram: async options => (await import('./run-program.ts')).runProgram(options),
  runNeighbourhood: async options => (await import('./neighbourhood.ts')).runNeighbourhood(options),
  runTorture: async options => (await import('./torture/torture.ts')).runTorture(options),
  crawl: async options => (await import('./crawl.ts')).crawlNetwork(options),
  simulator: async () => (await import('../worlds/simulator.ts')).createSimulator()
}

const daemonOf = (
  home: string,
  signal: AbortSignal,
  passphrase?: () => Promise<string | null>
): Promise<RemoteClient | undefined> =>
  connectDaemon(home, { random, clock, signal, ...(passphrase && { passphrase }) })
