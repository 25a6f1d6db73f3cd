import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Router } from './netns.ts'

/** Whether Debian's miniupnpd, with its rules by iptables, can be tried here. */
export const missingForMiniupnpd = (): string[] =>
  ['miniupnpd', 'iptables-legacy'].filter(c => spawnSync(c, ['--version']).error)

export interface Miniupnpd extends AsyncDisposable {
  /** What it said so far. */
  log(): string
  /** Rules that lead in from outside. */
  mappings(): Promise<string[]>
}

const chain = 'MINIUPNPD'

/** Runs miniupnpd on a router, as home routers do. */
export async function startMiniupnpd(
  router: Router,
  inside: string,
  speaks: { natpmp: boolean; upnp: boolean }
): Promise<Miniupnpd> {
  const [outer, inner] = router.cables
  const rules = (...args: string[]) => router.run('iptables-legacy', ...args)
  await rules('-t', 'nat', '-N', chain)
  await rules('-t', 'nat', '-A', 'PREROUTING', '-i', outer!.device, '-j', chain)
  await rules('-t', 'nat', '-N', `${chain}-POSTROUTING`)
  await rules('-t', 'filter', '-N', chain)
  await rules('-t', 'mangle', '-N', chain)
  const folder = await mkdtemp(join(tmpdir(), 'muttr-upnp-'))
  const yes = (is: boolean) => (is ? 'yes' : 'no')
  const settings = [
    `ext_ifname=${outer!.device}`,
    `listening_ip=${inner!.device}`,
    'port=5555',
    `enable_natpmp=${yes(speaks.natpmp)}`,
    `enable_upnp=${yes(speaks.upnp)}`,
    'secure_mode=yes',
    'system_uptime=yes',
    'uuid=00000000-0000-0000-0000-000000000001',
    `lease_file=${join(folder, 'leases')}`,
    `allow 1024-65535 ${inside}/24 1024-65535`,
    'deny 0-65535 0.0.0.0/0 0-65535'
  ]
  const file = join(folder, 'miniupnpd.conf')
  await writeFile(file, `${settings.join('\n')}\n`)
  let said = ''
  const child = router.spawn('miniupnpd', ['-d', '-f', file, '-P', join(folder, 'pid')])
  const note = (text: Buffer) => {
    said += text
  }
  child.stdout.on('data', note)
  child.stderr.on('data', note)
  return {
    log: () => said,
    async mappings() {
      const table = await rules('-t', 'nat', '-S', chain)
      return table.split('\n').filter(line => line.startsWith('-A'))
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true, force: true })
    }
  }
}
