import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface NameServer extends AsyncDisposable {
  /** As `new Resolver().setServers` takes it. */
  readonly address: string
}

/**
 * A real name server (dnsmasq) that knows these records and says of all else in `test` that it is not there; of other names it says nothing (REFUSED).
 * @param records its own options, as in `--host-record=one.test,192.0.2.7`, `--srv-host=…`, `--txt-record=…`.
 * @param through what it is started through, as in `ip netns exec NAME`.
 */
export async function dnsmasq(
  port: number,
  records: readonly string[],
  through: readonly string[] = []
): Promise<NameServer> {
  const [command, ...args] = [
    ...through,
    'dnsmasq',
    ...['--keep-in-foreground', '--log-facility=-', '--conf-file=/dev/null', '--pid-file='],
    ...['--no-resolv', '--no-hosts', '--user=', `--port=${port}`, '--listen-address=127.0.0.1'],
    ...['--bind-interfaces', '--local=/test/', ...records]
  ] as [string, ...string[]]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await ready(child)
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill()
      await once(child, 'exit')
    }
  }
}

function ready(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`dnsmasq ended with ${code}: ${said}`)))
    child.stderr?.on('data', text => {
      said += text
      if (/started, version/.test(said)) resolve()
    })
  })
}
