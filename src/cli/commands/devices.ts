import type { Command } from 'commander'
import type { OwnDevice } from '../../client/client.ts'
import { deviceGroup } from '../device-group.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, table } from '../text.ts'
import { formatTime, shortId } from '../units.ts'

export function addDevices(program: Command, action: Action): void {
  program.commandsGroup('Your node:')
  example(
    program
      .command('devices')
      .description('your devices, and what each of them lacks of what this one has said')
      .action(action(list)),
    'muttr devices'
  )
  const device = deviceGroup(program)
  example(
    device
      .command('rename')
      .description('call this device otherwise')
      .argument('<name>', 'as your other devices show it')
      .action(action(rename)),
    'muttr device rename laptop'
  )
  example(
    device
      .command('revoke')
      .description(
        'take a device off the list: your pods let it in no more, and letters are sealed to a key that it lacks'
      )
      .argument('<device>', 'its name, or the beginning of its key')
      .action(action(revoke)),
    'muttr device revoke laptop'
  )
  example(device, 'muttr device rename laptop', 'muttr device revoke phone')
}

async function list({ out, withClient }: Session): Promise<void> {
  await withClient(async client => {
    const devices = await client.devices()
    await out.results(devices, () => devicesText(out, devices))
  })
}

async function rename({ out, withClient }: Session, _: object, name: string): Promise<void> {
  await withClient(async client => {
    const devices = await client.renameDevice(name)
    await out.results(devices, () => devicesText(out, devices))
  })
}

async function revoke({ out, withClient }: Session, _: object, device: string): Promise<void> {
  await withClient(async client => {
    const devices = await client.revokeDevice(device)
    await out.results(devices, () => devicesText(out, devices))
    out.note(
      'It keeps what it has. If somebody can open its vault they have your key too: then `muttr key revoke --reason compromised`.'
    )
  })
}

function devicesText(out: Output, devices: readonly OwnDevice[]): string {
  const says = ({ own, revokedMs, heardMs, lacks }: OwnDevice): string => {
    if (own) return 'this device'
    if (revokedMs !== null) return `revoked ${formatTime(revokedMs, out.nowMs)}`
    const heard = heardMs === null ? 'not heard yet' : `heard ${formatTime(heardMs, out.nowMs)}`
    return lacks === 0 ? heard : `${heard}; lacks ${lacks}`
  }
  return table({
    ...out,
    heads: ['DEVICE', 'KEY', 'SINCE', ''],
    rows: devices.map(device => [
      line(device.name),
      shortId(device.key),
      formatTime(device.sinceMs, out.nowMs),
      says(device)
    ])
  })
}
