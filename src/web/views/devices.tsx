import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { OwnDevice } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { devices, loadDevices, renameDevice, revokeDevice } from '../data/devices.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Button, Field, Spinner, Trouble } from '../parts/basics.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Section } from '../parts/section.tsx'
import { useRun } from '../parts/use-run.ts'
import { apart, count, exactly, grouped, moment } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { LinkDevice } from './link-device.tsx'

/** The person's devices, and what can be done about them. Source: docs/protocol/sync.md */
export function Devices(): JSX.Element {
  const isLinking = useSignal(false)
  const leaving = useSignal<OwnDevice | null>(null)
  const all = devices.value
  return (
    <Section
      title="Devices"
      note="Each has your key and is in the network by itself. What you read or write on one is there on the others."
    >
      {all === null ? (
        <Spinner />
      ) : (
        <ul class="devices">
          {all.map(device => (
            <Row key={device.key} device={device} onRevoke={() => (leaving.value = device)} />
          ))}
        </ul>
      )}
      <div class="buttons">
        <Button icon="write" onClick={() => (isLinking.value = true)}>
          Link a new device
        </Button>
      </div>
      {isLinking.value && (
        <LinkDevice
          onClose={() => {
            isLinking.value = false
            void loadDevices()
          }}
        />
      )}
      {leaving.value && <Revoke device={leaving.value} onClose={() => (leaving.value = null)} />}
    </Section>
  )
}

function Row({ device, onRevoke }: { device: OwnDevice; onRevoke: () => void }): JSX.Element {
  const { key, name, own, revokedMs, sinceMs } = device
  const isRenaming = useSignal(false)
  return (
    <li class={`device${revokedMs === null ? '' : ' revoked'}`}>
      <div class="device-text">
        <p class="device-name">
          <Safe text={name} /> {own && <span class="chip">This device</span>}
          {revokedMs !== null && <span class="chip bad">Revoked</span>}
        </p>
        <p class="hint">
          Key <code>{grouped(key.slice(0, 16)).join(' ')}</code> · since{' '}
          <time dateTime={new Date(sinceMs).toISOString()} title={exactly(sinceMs)}>
            {moment(sinceMs, nowMs.value)}
          </time>
        </p>
        {saysOf(device).map(said => (
          <p class="hint">{said}</p>
        ))}
        {isRenaming.value && <Rename name={name} onDone={() => (isRenaming.value = false)} />}
      </div>
      {own && !isRenaming.value && (
        <Button onClick={() => (isRenaming.value = true)}>Rename</Button>
      )}
      {!own && revokedMs === null && (
        <Button label={`Revoke ${name}`} icon="trash" kind="quiet" onClick={onRevoke} />
      )}
    </li>
  )
}

function saysOf({ own, revokedMs, heardMs, lacks }: OwnDevice): string[] {
  if (revokedMs !== null)
    return [
      own
        ? `Another device of yours took it off the list ${apart(revokedMs, nowMs.value)}.`
        : `Taken off the list ${apart(revokedMs, nowMs.value)}.`
    ]
  if (own) return []
  return [
    heardMs === null ? 'Not heard yet.' : `Last heard ${apart(heardMs, nowMs.value)}.`,
    lacks === 0
      ? 'Has everything that was done here, as far as it has said.'
      : `Lacks ${count(lacks, 'entry', 'entries')} of what was done here.`
  ]
}

/** As long as a device's name may be, in bytes; the node counts them. Source: docs/protocol/sync.md */
const nameCharsMax = 64

function Rename({ name, onDone }: { name: string; onDone: () => void }): JSX.Element {
  const typed = useSignal(name)
  const { problem, isBusy, run } = useRun()
  const rename = (event: SubmitEvent) =>
    run(event, async () => {
      await renameDevice(typed.value.trim())
      tell('Renamed.')
      onDone()
    })
  return (
    <form class="stack" onSubmit={rename}>
      <Field label="Name of this device" hint="As your other devices show it.">
        {(id, describedBy) => (
          <input
            id={id}
            aria-describedby={describedBy}
            required
            maxLength={nameCharsMax}
            autocomplete="off"
            value={typed}
            onInput={e => (typed.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          Save the name
        </Button>
        <Button kind="quiet" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  )
}

const Revoke = ({ device, onClose }: { device: OwnDevice; onClose: () => void }): JSX.Element => (
  <Confirm
    title="Take this device off the list?"
    yes="Revoke it"
    no="Keep it"
    onClose={onClose}
    onYes={async () => {
      await attempt(async () => {
        await revokeDevice(device.key)
        tell('Revoked.')
      })
    }}
  >
    Your pods let <Safe text={device.name} /> in no more, and letters to you are sealed to a key
    that it lacks. It keeps what it has, and nothing brings it back but linking it anew. If somebody
    can open its vault they have your key: then take the key back as well, with{' '}
    <code>muttr key revoke --reason compromised</code>.
  </Confirm>
)
