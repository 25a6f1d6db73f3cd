import { hostname } from 'node:os'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { PeerId } from '../base/ports.ts'
import type { DeviceMade, JoinDeviceOptions } from '../cli/doors.ts'
import { keptCard } from '../client/devices/list.ts'
import { joinDevice } from '../client/linking/join.ts'
import { homeExists } from '../config/home.ts'
import type { Device } from '../keys/device.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createLog } from '../net/log.ts'
import { createNode } from '../net/node.ts'
import { peerKeys } from '../net/peer-key.ts'
import type { State } from '../store/state.ts'
import { readLinkCode } from '../wire/link.ts'
import type { DeviceCard } from '../wire/sync.ts'
import { deviceNameBytesMax } from '../wire/sync.ts'
import { inNewHome, makeKeys, readBelongings, takeIn } from './new-home.ts'

/** In the new client's state: what this device has said of itself. */
/** Makes a home out of what another device of the person gives for its code. As `Doors.joinDevice`. */
export async function joinAsDevice(o: JoinDeviceOptions): Promise<DeviceMade> {
  const { home, history, signal, onProgress } = o
  if (await homeExists(home)) throw new MuttrError('HOME_EXISTS', `there is a node in ${home}`)
  const name = checkedName(o.name)
  const code = readLinkCode(await o.code())
  // Nobody waits at the other device while a passphrase is thought of.
  const passphrase = await o.passphrase('new-vault')
  return inNewHome(home, async paths => {
    const { privateKey, device } = await makeKeys(paths)
    const card = cardOf(device, peerKeys(privateKey).self, name)
    const log = createLog({ level: 'silent', write() {} })
    const alone = { mode: 'client', listen: [], datastore: null } as const
    await using network = await createNode({ privateKey, clock, log, ...alone })
    await using letIn = await joinDevice({ network, code, card, history, signal })
    const settle = (state: State) => state.write([keptCard(card)])
    const how = { passphrase, signal, onProgress, settle }
    try {
      const belongings = await readBelongings(letIn.stream)
      const taken = await takeIn(paths, belongings, how)
      // From here on this home is whole, whatever the other device hears of it.
      const heard = await letIn.done().then(
        () => true,
        () => false
      )
      const { fingerprint } = belongings.head
      return { home, device: name, name: taken.name, fingerprint, rows: taken.rows, heard }
    } catch (err) {
      throw asOfDevice(err)
    }
  })
}

function cardOf(device: Device, peer: PeerId, name: string): DeviceCard {
  const { publicKey: sealKey } = device.sealKey
  return { deviceKey: device.publicKey, sealKey, peer, name, sinceMs: clock.now() }
}

/** The name of the machine, unless told. @throws {MuttrError} `USAGE` */
function checkedName(given: string | undefined): string {
  const name = given ?? (hostname().slice(0, deviceNameBytesMax) || 'device')
  const sizeBytes = Buffer.byteLength(name)
  if (name.trim() !== '' && name.isWellFormed() && sizeBytes <= deviceNameBytesMax) return name
  throw new MuttrError('USAGE', `a device has a name of 1 to ${deviceNameBytesMax} bytes`)
}

/** There is no file that could be damaged: it is the other device that sent something else. */
function asOfDevice(err: unknown): unknown {
  const code = codeOf(err)
  if (code !== 'BACKUP_INVALID' && code !== 'RECOVERY_WRONG') return err
  const hint =
    'Nothing was made here. Bring both devices to the same version of Muttr, and begin again.'
  return new MuttrError('WIRE_MALFORMED', 'what came is not what a device gives', {
    hint,
    cause: err
  })
}
