import { addAdmin } from '../api/admin/app.ts'
import { cookieCarrier } from '../api/admin/carrier.ts'
import type { AdminDesk } from '../api/admin/desk.ts'
import type { PodOperator } from '../api/operator.ts'
import { readPageFiles } from '../api/page-files.ts'
import type { Log } from '../base/ports.ts'
import type { Room } from '../https/door.ts'
import type { Door } from '../https/open.ts'
import { systemClock as clock } from '../net/clock.ts'
import type { Node } from '../net/node.ts'
import { systemRandom as random } from '../net/random.ts'
import type { Finding } from '../pod/health.ts'
import type { Pod } from '../pod/pod.ts'
import { adminUrl } from './admin-url.ts'
import type { Home } from './home.ts'
import { readHome } from './home.ts'
import type { PodHouse } from './host-pod.ts'
import { pageFolder } from './page.ts'
import { examinePod } from './pod-doctor.ts'
import { makerNamed, podOperator } from './pod-operator.ts'
import { podOverview } from './pod-overview.ts'
import { changePodSettings, podSettingsOf } from './pod-settings.ts'

interface Parts {
  home: Home
  pod: Pod
  network: Node
  house: PodHouse
  door: () => Door | undefined
}

/** What operators ask of a pod: at the terminal, and by its admin page. */
export function podDesk(parts: Parts): { operator: PodOperator; desk: AdminDesk } {
  const { home, pod, network, house, door } = parts
  const folder = home.paths.home
  const startedMs = clock.now()
  const own = {
    ...{ home, pod, door, examine: examiner(folder) },
    addresses: () => network.contact().addresses,
    async overview() {
      const { backupMs } = await house.client.status()
      return await podOverview({ home, pod, network, door: door(), startedMs, backupMs })
    }
  }
  const note = (as: string, action: string, detail: string) =>
    pod.office.note(makerNamed(as), { action, detail })
  return {
    operator: podOperator(own),
    desk: {
      admin: pod.admin,
      as: name => podOperator(own, name),
      watch: wake => pod.office.watch(wake),
      async backup(as, options) {
        const pieces = await house.client.backup(options)
        if (as !== null) await note(as, 'pod.backup', '')
        return pieces
      },
      settings: async () => podSettingsOf((await readHome(folder)).config),
      async change(as, change) {
        await changePodSettings(folder, change)
        const said = Object.entries(change).map(([name, value]) => `${name} ${value}`)
        await note(as, 'pod.settings', said.join(', '))
        const settings = podSettingsOf((await readHome(folder)).config)
        return { settings, restart: () => house.restart() }
      }
    }
  }
}

/** Several who look at once look together: it asks name servers, and others. */
function examiner(folder: string): (signal?: AbortSignal) => Promise<Finding[]> {
  const never = new AbortController().signal
  let running: Promise<Finding[]> | undefined
  return () => {
    running ??= examinePod(folder, never).finally(() => {
      running = undefined
    })
    return running
  }
}

/** Hangs the admin page into the door. */
export async function adminRoom(
  { config }: Home,
  desk: AdminDesk,
  door: () => Door | undefined,
  log: Log
): Promise<Room> {
  const page = await readPageFiles(pageFolder)
  const url = () => new URL(adminUrl(config, door())!)
  const isBehindProxy = config.pod!.https.mode === 'proxy'
  const carrier = cookieCarrier({
    origin: () => url().origin,
    host: () => (isBehindProxy ? null : url().host)
  })
  const parts = { desk, carrier, page, clock, random, log }
  return app => addAdmin(app as never, { ...parts, subnetOf: c => c.get('subnet') })
}
