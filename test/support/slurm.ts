import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'

const [munged, controller, worker] = ['munged', 'slurmctld', 'slurmd'].map(
  name => `/usr/sbin/${name}`
) as [string, string, string]

export const hasSlurm = (): boolean =>
  [munged, controller, worker, '/usr/bin/sbatch'].every(existsSync)

export interface Slurm extends AsyncDisposable {
  /** For its commands. */
  readonly env: { SLURM_CONF: string }
}

/** A Slurm of one machine with so many cores for jobs, on loopback alone, whose files are gone afterwards. */
export async function startSlurm(cores: number): Promise<Slurm> {
  // Short, since the path of a socket is bounded.
  const folder = await mkdtemp('/tmp/msl')
  const at = (name: string) => join(folder, name)
  // Munge refuses what others could write to, and a socket that not everybody reaches.
  await chmod(folder, 0o755)
  for (const name of ['own', 'state', 'spool']) await mkdir(at(name), { mode: 0o700 })
  await writeFile(at('own/key'), systemRandom.bytes(128), { mode: 0o400 })
  const [host] = hostname().split('.')
  const user = userInfo().username
  const [controlPort, workPort] = await freePorts(2, systemRandom)
  // A job that is begun again waits until what it was told at first counts no more: `cred_expire`.
  await writeFile(
    at('slurm.conf'),
    `ClusterName=muttr
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controlPort}
SlurmdPort=${workPort}
SlurmUser=${user}
SlurmdUser=${user}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=${at('munge')},cred_expire=5
SlurmctldPidFile=${at('own/slurmctld.pid')}
SlurmdPidFile=${at('own/slurmd.pid')}
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
ReturnToService=2
NodeName=${host} NodeAddr=127.0.0.1 CPUs=${cores} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
SlurmdParameters=config_overrides
`
  )
  const own = ['key', 'pid', 'seed', 'log'].map(name => `--${name}-file=${at(`own/${name}`)}`)
  await using started = new AsyncDisposableStack()
  started.defer(() => rm(folder, { recursive: true, force: true }))
  const start = async (program: string, args: string[], isReady: RegExp) => {
    const daemon = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = once(daemon, 'close')
    started.defer(async () => {
      daemon.kill()
      await ended
    })
    const said: string[] = []
    for await (const line of createInterface({ input: daemon.stderr })) {
      said.push(line)
      if (isReady.test(line)) {
        daemon.stderr.resume()
        return
      }
    }
    throw new Error(`${program} ended: ${said.join('\n')}`)
  }
  await start(munged, ['--foreground', '--socket', at('munge'), ...own], /Created 2 work threads/)
  await start(controller, ['-D', '-f', at('slurm.conf')], /Running as primary controller/)
  await start(worker, ['-D', '-f', at('slurm.conf')], /slurmd started/)
  return Object.assign(started.move(), { env: { SLURM_CONF: at('slurm.conf') } })
}
