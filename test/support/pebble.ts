import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { TestCa } from './test-ca.ts'

export const pebbleMissing = (): string[] =>
  ['pebble', 'pebble-challtestsrv'].filter(name => spawnSync(name, ['-help']).error)

/** Let's Encrypt's authority for tests, with a name server that says every name is 127.0.0.1. */
export interface Pebble extends AsyncDisposable {
  readonly directory: string
  /** Where it asks for challenges of HTTP-01, instead of port 80. */
  readonly httpPort: number
  /** Its certificates are trusted by this, PEM. */
  root(): Promise<string>
  /** From now on its name server fails for this name. */
  fail(hostname: string): Promise<void>
  stop(): Promise<void>
}

export async function pebble(folder: string, ca: TestCa): Promise<Pebble> {
  const [acme, management, dns, dnsManagement, httpPort] = await freePorts(5, systemRandom)
  const own = await ca.issue(['127.0.0.1'])
  const [certificate, key] = [join(folder, 'pebble.pem'), join(folder, 'pebble.key')]
  await writeFile(certificate, own.certificate)
  await writeFile(key, own.key)
  const config = join(folder, 'pebble.json')
  const pebbleConfig = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${management}`,
    ...{ certificate, privateKey: key, httpPort, tlsPort: 1 },
    ...{ ocspResponderURL: '', externalAccountBindingRequired: false }
  }
  await writeFile(config, JSON.stringify({ pebble: pebbleConfig }))
  const names = await started(
    'pebble-challtestsrv',
    [
      '-defaultIPv4',
      '127.0.0.1',
      '-defaultIPv6',
      '',
      '-http01',
      '',
      '-https01',
      '',
      '-tlsalpn01',
      ''
    ].concat(['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`]),
    /Starting management server/
  )
  const args = ['-config', config, '-dnsserver', `127.0.0.1:${dns}`]
  const authority = await started('pebble', args, /ACME directory available/)
  const stop = async () => {
    for (const child of [authority, names]) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill()
      await once(child, 'exit')
    }
  }
  return {
    directory: `https://127.0.0.1:${acme}/dir`,
    httpPort: httpPort!,
    async root() {
      const { get } = await import('node:https')
      const asked = get(`https://127.0.0.1:${management}/roots/0`, { ca: ca.certificate })
      const [answer] = await once(asked, 'response')
      return Buffer.concat(await answer.toArray()).toString()
    },
    async fail(hostname) {
      const body = JSON.stringify({ host: `${hostname}.` })
      const url = `http://127.0.0.1:${dnsManagement}/set-servfail`
      const answer = await fetch(url, { method: 'POST', body })
      if (!answer.ok) throw new Error(`the name server says ${answer.status}`)
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
}

/** Resolves when the program has printed that it listens. */
async function started(command: string, args: string[], ready: RegExp): Promise<ChildProcess> {
  // Without its waits, which only make tests slow; it still refuses one nonce in twenty, as an authority may.
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1' }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`${command} ended with ${code}: ${said}`)))
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', text => {
        said += text
        if (ready.test(said)) resolve()
      })
  })
  return child
}
