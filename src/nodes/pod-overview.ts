import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { PodOverview } from '../api/overview.ts'
import type { Millis } from '../base/ports.ts'
import { packageRoot } from '../config/package-root.ts'
import type { Door } from '../https/open.ts'
import type { Node } from '../net/node.ts'
import type { Pod } from '../pod/pod.ts'
import type { Home } from './home.ts'
import { memory } from './pod-doctor.ts'

interface Parts {
  home: Home
  pod: Pod
  network: Pick<Node, 'libp2p'>
  door: Door | undefined
  startedMs: Millis
  backupMs: Millis | null
}

/** What `PodOperator.overview` says. */
export async function podOverview(parts: Parts): Promise<PodOverview> {
  const { home, pod, network, door, startedMs, backupMs } = parts
  const { hostname, policy, escrow, federation, accountsMax } = home.config.pod!
  const { bavail, blocks, bsize } = await statfs(home.paths.home)
  const requests = await pod.office.requests()
  const reports = await pod.office.reports()
  const { mode, untilMs, problem } = door?.status ?? {}
  return {
    ...{ hostname, policy, escrow, federation, accountsMax, startedMs, backupMs },
    fingerprint: pod.certificate.fingerprint,
    version: await version(),
    usage: pod.usage(),
    waiting: requests.filter(({ state }) => state === 'waiting').length,
    reports: reports.filter(({ isOpen }) => isOpen).length,
    processes: (await pod.office.processes()).length,
    neighbours: network.libp2p.getPeers().length,
    door: mode ? { mode, untilMs: untilMs ?? null, problem: problem ?? null } : null,
    disk: { freeBytes: bavail * bsize, totalBytes: blocks * bsize },
    memory: { ...(await memory()), processBytes: process.memoryUsage().rss }
  }
}

const version = async (): Promise<string> =>
  JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')).version
