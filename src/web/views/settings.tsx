import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Settings } from '../../api/house.ts'
import { nowMs } from '../clock.ts'
import { ask } from '../data/ask.ts'
import { loadDevices } from '../data/devices.ts'
import { changeSettings, join, lock, save, saveBackup } from '../data/house.ts'
import { aliases, settings, setup, status } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Button, Dialog, Field, Fingerprint, Spinner, Trouble } from '../parts/basics.tsx'
import { Misplaced } from '../parts/misplaced.tsx'
import { Section } from '../parts/section.tsx'
import { useRun } from '../parts/use-run.ts'
import { isDeviceCode } from '../text/codes.ts'
import { apart } from '../text/format.ts'
import { Addresses } from './addresses.tsx'
import { AliasForm } from './alias-form.tsx'
import { Backup } from './backup.tsx'
import { Card } from './card.tsx'
import { Devices } from './devices.tsx'
import { Move } from './move.tsx'
import { NetworkBackup } from './network-backup.tsx'
import { NewKey } from './new-key.tsx'

const GiB = 2 ** 30
const KiB = 1_024

export function SettingsView(): JSX.Element {
  const s = settings.value
  const now = setup.value
  if (!s || !now) return <Spinner />
  const hasPerson = now.fingerprint !== null
  return (
    <div class="page-view scroll">
      <header class="pane-head">
        <h1>Settings</h1>
      </header>
      <div class="settings">
        {hasPerson && <You />}
        <Section title="Look">
          <Choice
            label="Colours"
            name="theme"
            value={s.theme}
            options={{ system: 'As the system', light: 'Light', dark: 'Dark' }}
          />
        </Section>
        {hasPerson && (
          <Section
            title="Privacy"
            note="The node starts again with a change, which takes a moment."
          >
            <Choice
              label="Letters of strangers are fetched"
              name="strangers"
              value={s.strangers}
              options={{
                relayed: 'Through their pod only: nobody learns where you are',
                'relayed-first': 'Through their pod while it answers',
                direct: 'Directly: quicker, and whoever stored them sees your address'
              }}
            />
            <Choice
              label="Pods of others are told of my letters"
              name="notices"
              value={s.notices}
              options={{
                'own-pod': 'By my own pod, which goes on trying while this computer sleeps',
                direct: 'From here: my pod does not learn to whom, and theirs sees your address'
              }}
            />
            <Choice
              label="First letters of people I do not know"
              name="requests"
              value={s.requests}
              options={{
                ask: 'Wait, unfetched, until I let them in',
                pull: 'Are fetched at once',
                ignore: 'Are dropped'
              }}
            />
            <Choice
              label="Receipts, when a letter asks for one"
              name="receipts"
              value={s.receipts}
              options={{
                contacts: 'For whom I know',
                verified: 'For whom I have verified',
                nobody: 'For nobody'
              }}
            />
            <Toggle
              label="Publish my addresses and pods, where everybody can read them"
              name="publishAliases"
              value={s.publishAliases}
            />
          </Section>
        )}
        <Section
          title="What your node gives"
          note="The network is its members: each keeps sealed letters of others."
        >
          <NumberField
            label="Room for others, in GiB"
            name="storeBytes"
            value={s.storeBytes}
            unit={GiB}
            min={0.01}
            step="any"
          />
          <NumberField
            label="Upload cap, in KiB a second"
            name="upBytesPerSecond"
            value={s.upBytesPerSecond}
            unit={KiB}
            min={16}
            step={1}
          />
          <NumberField
            label="Download cap, in KiB a second"
            name="downBytesPerSecond"
            value={s.downBytesPerSecond}
            unit={KiB}
            min={16}
            step={1}
          />
          <Choice
            label="Profile"
            name="profile"
            value={s.profile}
            options={{ full: 'Full', light: 'Light: for a battery or a metered link' }}
          />
          <Toggle label="Find nodes on this local network" name="mdns" value={s.mdns} />
        </Section>
        <Section title="Join">
          <JoinForm />
        </Section>
        <Section title="This node">
          <dl class="pairs">
            <dt>Folder</dt>
            <dd>
              <code>{now.home}</code>
            </dd>
            <dt>Network</dt>
            <dd>{now.network}</dd>
            <dt>Listens</dt>
            <dd>
              {status.value?.addresses.map(address => <code class="address">{address}</code>) ??
                'not now'}
            </dd>
          </dl>
        </Section>
      </div>
    </div>
  )
}

function You(): JSX.Element {
  const now = setup.value!
  const isCard = useSignal(false)
  const isBackingUp = useSignal(false)
  const isRunning = now.state === 'running'
  const waiting = status.value?.pods.flatMap(pod => pod.waiting) ?? []
  useEffect(() => {
    if (isRunning) void loadDevices()
  }, [isRunning])
  const exportKey = () =>
    attempt(async () => {
      const answer = await ask('/key')
      save(await answer.blob(), `${now.name}.asc`)
    })
  return (
    <>
      <Section title="You">
        <dl class="pairs">
          <dt>Addresses</dt>
          <dd>{aliases.value.join(', ') || 'none yet'}</dd>
          {waiting.length > 0 && (
            <>
              <dt>Asked for</dt>
              <dd>
                {waiting.map(({ alias, problem }) => (
                  <p>
                    {alias}: {problem.message}
                  </p>
                ))}
              </dd>
            </>
          )}
          <dt>Fingerprint</dt>
          <dd>
            <Fingerprint hex={now.fingerprint ?? ''} />
          </dd>
        </dl>
        <div class="buttons">
          <Button icon="download" onClick={() => void exportKey()}>
            Save your public key
          </Button>
          {aliases.value.length > 0 && (
            <Button icon="people" onClick={() => (isCard.value = true)}>
              Show your card
            </Button>
          )}
          {now.sealed && (
            <Button icon="lock" onClick={() => void lock()}>
              Lock now
            </Button>
          )}
        </div>
      </Section>
      {isCard.value && <Card onClose={() => (isCard.value = false)} />}
      {isRunning && (
        <>
          <NewKey />
          <Devices />
        </>
      )}
      <Section title="Another address">
        <AliasForm onDone={alias => tell(`${alias} is yours.`)} />
      </Section>
      {isRunning && (
        <>
          <Move />
          <Addresses />
        </>
      )}
      <Section
        title="Backup"
        note={
          now.backupMs === null
            ? 'None was made yet.'
            : `The last one was made ${apart(now.backupMs, nowMs.value)}.`
        }
      >
        <p>
          Key, contacts and letters in one file, sealed under your twelve words. Keep it somewhere
          else than on this computer.
        </p>
        <div class="buttons">
          {now.backupMs !== null && (
            <Button icon="download" kind="primary" onClick={() => void attempt(saveBackup)}>
              Save a backup
            </Button>
          )}
          <Button
            kind={now.backupMs === null ? 'primary' : 'plain'}
            onClick={() => (isBackingUp.value = true)}
          >
            {now.backupMs === null ? 'Make a backup' : 'Show my recovery words'}
          </Button>
        </div>
      </Section>
      {isRunning && <NetworkBackup />}
      {isBackingUp.value && (
        <Dialog title="Backup" wide onClose={() => (isBackingUp.value = false)}>
          <Backup done="Done" onDone={() => (isBackingUp.value = false)} />
        </Dialog>
      )}
    </>
  )
}

interface ChoiceProps<Name extends keyof Settings> {
  label: string
  name: Name
  value: Settings[Name]
  options: Record<Settings[Name] & string, string>
}

function Choice<
  Name extends 'theme' | 'strangers' | 'notices' | 'requests' | 'receipts' | 'profile'
>(props: ChoiceProps<Name>): JSX.Element {
  const { label, name, value, options } = props
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {Object.entries(options).map(([option, words]) => (
        <label class="check">
          <input
            type="radio"
            name={name}
            checked={value === option}
            onChange={() => void changeSettings({ [name]: option })}
          />
          {words as string}
        </label>
      ))}
    </fieldset>
  )
}

const Toggle = ({
  label,
  name,
  value
}: {
  label: string
  name: 'publishAliases' | 'mdns'
  value: boolean
}): JSX.Element => (
  <label class="check">
    <input
      type="checkbox"
      checked={value}
      onChange={e => void changeSettings({ [name]: e.currentTarget.checked })}
    />
    {label}
  </label>
)

interface NumberProps {
  label: string
  name: 'storeBytes' | 'upBytesPerSecond' | 'downBytesPerSecond'
  value: number | null
  unit: number
  min: number
  step: number | 'any'
}

/** Empty for none. Written when the field is left. */
function NumberField({ label, name, value, unit, min, step }: NumberProps): JSX.Element {
  const shown = value === null ? '' : String(Math.round((value / unit) * 100) / 100)
  const keep = (text: string) => {
    if (text === shown) return
    const number = text === '' ? null : Math.round(Number(text) * unit)
    void changeSettings({ [name]: number })
  }
  return (
    <Field label={label}>
      {id => (
        <input
          id={id}
          class="short"
          type="number"
          inputMode="decimal"
          min={min}
          step={step}
          placeholder="none"
          value={shown}
          onChange={e => e.currentTarget.checkValidity() && keep(e.currentTarget.value)}
        />
      )}
    </Field>
  )
}

function JoinForm(): JSX.Element {
  const link = useSignal('')
  const differs = useSignal<string | null>(null)
  const { problem, isBusy, run } = useRun()
  const go = (event: SubmitEvent) =>
    run(event, async () => {
      differs.value = await join(link.value.trim())
      link.value = ''
      tell('Joined.')
    })
  return (
    <form class="stack" onSubmit={go}>
      <Field label="Join link" hint="It can bring pods, an invite, and somebody to write to.">
        {(id, describedBy) => (
          <input
            id={id}
            aria-describedby={describedBy}
            placeholder="muttr:…"
            value={link}
            required
            spellcheck={false}
            onInput={e => (link.value = e.currentTarget.value)}
          />
        )}
      </Field>
      {isDeviceCode(link.value) && (
        <Misplaced>
          That is the code of a device, for a computer on which nothing is set up yet: there, choose{' '}
          <em>I have another device</em>.
        </Misplaced>
      )}
      {differs.value && (
        <Trouble
          problem={{
            message: `an earlier link named another key for ${differs.value}, and that one counts`,
            hint: 'Ask them, by another way, which one is theirs.'
          }}
        />
      )}
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" busy={isBusy}>
          Join
        </Button>
      </div>
    </form>
  )
}
