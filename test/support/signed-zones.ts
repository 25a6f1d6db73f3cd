import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'

const run = promisify(execFile)

/** One zone of the DNS. */
export interface Zone {
  /** As in `one.pods`; the root is ''. */
  readonly name: string
  /** Records in the form of a zone file, with names that end in a dot. */
  readonly records?: readonly string[]
  /** `no`: the zone above says that it is not. `stripped`: the zone above says that it is. */
  readonly signed?: 'yes' | 'no' | 'stripped' | 'expired'
  /** What somebody writes into it who has not its key. */
  readonly forged?: (zone: string) => string
  /** Nobody answers for it. */
  readonly silent?: boolean
}

export interface SignedZones extends AsyncDisposable {
  /** Of a resolver that validates from these zones' own root. */
  readonly resolver: { host: string; port: number }
  /** The zone is another from now on, by the same keys. */
  change(zone: Zone): Promise<void>
}

const host = '127.0.0.1'
const dayMs = 86_400_000
const stamp = (ms: number) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')

/**
 * A DNS of a test's own: zones that are signed from a root of its own (ldns), a server that has them and a resolver that validates (both unbound).
 * The root comes first, and each zone after the one above it.
 */
export async function signedZones(folder: string, zones: readonly Zone[]): Promise<SignedZones> {
  await mkdir(folder, { recursive: true })
  const [authority, port, nowhere] = await freePorts(3, systemRandom)
  const all = new Map(zones.map(zone => [zone.name, zone]))
  const keys = new Map<string, string>()
  for (const { name } of zones) {
    const args = ['-a', 'ECDSAP256SHA256', '-k', name === '' ? '.' : name]
    keys.set(name, (await run('ldns-keygen', args, { cwd: folder })).stdout.trim())
  }
  const above = (name: string) =>
    [...all.keys()]
      .filter(other => other !== name && (other === '' || name.endsWith(`.${other}`)))
      .sort((a, b) => b.length - a.length)[0]
  const fileOf = (name: string) => join(folder, `${name || 'root'}.zone`)

  async function write({ name, records = [], signed = 'yes', forged }: Zone): Promise<void> {
    const origin = `${name}.`
    const lines = [
      `${origin} 60 IN SOA ns.${origin === '.' ? '' : origin} admin.${origin === '.' ? '' : origin} 1 60 60 86400 60`,
      `${origin} 60 IN NS ns.invalid.`,
      ...records
    ]
    for (const child of all.values()) {
      if (child.name === '' || above(child.name) !== name) continue
      lines.push(`${child.name}. 60 IN NS ns.invalid.`)
      if (child.signed !== 'no')
        lines.push((await readFile(join(folder, `${keys.get(child.name)}.ds`), 'utf8')).trim())
    }
    await writeFile(fileOf(name), `${lines.join('\n')}\n`)
    if (signed === 'yes' || signed === 'expired') {
      const times =
        signed === 'expired'
          ? ['-i', stamp(Date.now() - 20 * dayMs), '-e', stamp(Date.now() - 2 * dayMs)]
          : []
      const out = `${fileOf(name)}.signed`
      await run(
        'ldns-signzone',
        [...times, '-o', origin, '-f', out, fileOf(name), keys.get(name)!],
        {
          cwd: folder
        }
      )
      await writeFile(fileOf(name), await readFile(out, 'utf8'))
    }
    if (forged) await writeFile(fileOf(name), forged(await readFile(fileOf(name), 'utf8')))
  }
  for (const zone of zones) await write(zone)
  const anchor = await readFile(join(folder, `${keys.get('')}.key`), 'utf8')
  await writeFile(join(folder, 'anchor'), anchor)
  const common = (at: number) => `server:
    interface: ${host}@${at}
    port: ${at}
    username: ""
    chroot: ""
    directory: "${folder}"
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    verbosity: 1
    do-ip6: no
    access-control: 127.0.0.0/8 allow
    local-zone: "invalid." nodefault
    local-zone: "test." nodefault
    cache-max-ttl: 0
    cache-max-negative-ttl: 0
    neg-cache-size: 0
    infra-host-ttl: 0
`
  const served = zones.map(
    ({ name }) => `auth-zone:
    name: "${name}."
    zonefile: "${fileOf(name)}"
    for-downstream: yes
    for-upstream: no
`
  )
  const asked = zones.map(
    ({ name, silent }) => `stub-zone:
    name: "${name}."
    stub-addr: ${host}@${silent ? nowhere : authority}
    stub-no-cache: yes
`
  )
  const validating = `    do-not-query-localhost: no
    module-config: "validator iterator"
    trust-anchor-file: "${join(folder, 'anchor')}"
    aggressive-nsec: no
    unknown-server-time-limit: 200
`
  await writeFile(join(folder, 'authority.conf'), common(authority!) + served.join(''))
  await writeFile(join(folder, 'resolver.conf'), common(port!) + validating + asked.join(''))
  let server = await unbound(join(folder, 'authority.conf'))
  let resolver = await unbound(join(folder, 'resolver.conf'))
  return {
    resolver: { host, port: port! },
    async change(zone) {
      all.set(zone.name, zone)
      await write(zone)
      await end(server)
      // What it has proved it keeps for a while, whatever it is told.
      await end(resolver)
      resolver = await unbound(join(folder, 'resolver.conf'))
      server = await unbound(join(folder, 'authority.conf'))
    },
    async [Symbol.asyncDispose]() {
      await end(resolver)
      await end(server)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function unbound(config: string): Promise<ChildProcess> {
  const child = spawn('unbound', ['-d', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`unbound ended with ${code}: ${said}`)))
    child.stderr.on('data', text => {
      said += text
      if (/start of service/.test(said)) resolve()
    })
  })
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}
