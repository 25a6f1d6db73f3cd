import { signal, useSignal } from '@preact/signals'
import type { InputHTMLAttributes, JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { MakeHome } from '../../api/house.ts'
import { makeHome } from '../data/house.ts'
import { aliases, setup } from '../data/session.ts'
import icon from '../icon.svg'
import { Button, Field, Fingerprint, Trouble } from '../parts/basics.tsx'
import { FileField } from '../parts/file-field.tsx'
import { Icon } from '../parts/icons.tsx'
import { Misplaced } from '../parts/misplaced.tsx'
import { NewPassphrase, samePassphrase } from '../parts/new-passphrase.tsx'
import { useRun } from '../parts/use-run.ts'
import { go } from '../route.ts'
import { isDeviceCode } from '../text/codes.ts'
import { AliasForm } from './alias-form.tsx'
import { Backup, Starting } from './backup.tsx'
import { JoinDevice } from './join-device.tsx'
import { Restore } from './restore.tsx'

/** Who chose to look around before having an address. */
export const later = signal(false)

const steps = ['Key', 'Backup', 'Address'] as const

/** To whom a link introduced them, or else to their letters. */
function goOn(): void {
  const [whom] = setup.value?.introduced ?? []
  if (whom) go('write', undefined, { to: whom })
  else go('inbox')
}

/** From nothing to an address: a key, a backup of it before anything else, and a name at a pod. */
export function FirstRun(): JSX.Element {
  const now = setup.value!
  const way = useSignal<'make' | 'restore' | 'device'>('make')
  const pasted = useSignal('')
  const turn = (to: 'make' | 'restore' | 'device', text = '') => {
    pasted.value = text
    way.value = to
  }
  const isBackingUp = useSignal(false)
  const isThrough = useSignal(false)
  const isBackedUp = isThrough.value || (now.backupMs !== null && !isBackingUp.value)
  const isComing = way.value !== 'make' && now.state === 'starting'
  const at = now.state === 'missing' || isComing ? 0 : isBackedUp ? 2 : 1
  // At the moment in which the page lets them in, before they can go anywhere themselves.
  useEffect(
    () => () => {
      if (aliases.value.length > 0) goOn()
    },
    []
  )
  return (
    <main class="alone">
      <div class="card first-run">
        <header class="first-head">
          <img src={icon} alt="" width="40" height="40" />
          <ol class="progress" aria-label="Steps">
            {steps.map((name, i) => (
              <li
                class={i < at ? 'done' : i === at ? 'now' : ''}
                aria-current={i === at ? 'step' : undefined}
              >
                <span>{i < at ? <Icon name="check" size={14} /> : i + 1}</span>
                {name}
              </li>
            ))}
          </ol>
        </header>
        {isComing && <Starting />}
        {now.state === 'missing' &&
          (way.value === 'restore' ? (
            <Restore onBack={() => turn('make')} />
          ) : way.value === 'device' ? (
            <JoinDevice
              given={pasted.value}
              onBack={() => turn('make')}
              onLink={link => turn('make', link)}
            />
          ) : (
            <MakeKey
              link={pasted.value}
              onRestore={() => turn('restore')}
              onDevice={code => turn('device', code)}
            />
          ))}
        {at === 1 && (
          <>
            <h1>Make a backup</h1>
            <p class="lead">
              You are your key: no company can give you a new one. With twelve words and one file
              you come back from any loss.
            </p>
            <Fingerprint hex={now.fingerprint ?? ''} />
            <Backup
              done="Go on"
              onBegin={() => (isBackingUp.value = true)}
              onDone={() => (isThrough.value = true)}
            />
            <p>
              <button type="button" class="link" onClick={() => (isThrough.value = true)}>
                Without a backup: if this disk dies, I start over
              </button>
            </p>
          </>
        )}
        {at === 2 && (
          <>
            <h1>Choose your address</h1>
            <p class="lead">
              A pod gives out names and tells you when a letter waits. It never sees what you write,
              and you can leave it.
            </p>
            {now.state === 'starting' ? <Starting /> : <AliasForm />}
            <p>
              <button type="button" class="link" onClick={() => (later.value = true)}>
                Look around first
              </button>
            </p>
          </>
        )}
      </div>
    </main>
  )
}

interface MakeKeyProps {
  /** A join link that was pasted elsewhere. */
  link: string
  onRestore: () => void
  /** With a code, if there is one already. */
  onDevice: (code?: string) => void
}

function MakeKey({ link, onRestore, onDevice }: MakeKeyProps): JSX.Element {
  const form = useSignal({
    name: '',
    passphrase: null as string | null,
    link,
    secretKey: '',
    keyPassphrase: '',
    network: ''
  })
  const isImporting = useSignal(false)
  const { problem, isBusy, run } = useRun()
  const f = form.value
  const set = (changed: Partial<typeof f>) => (form.value = { ...form.value, ...changed })
  const make = (event: SubmitEvent) =>
    run(event, async () => {
      const home: MakeHome = {
        name: f.name.trim(),
        passphrase: samePassphrase(f.passphrase),
        ...(f.link.trim() && { link: f.link.trim() }),
        ...(f.network && { network: f.network }),
        ...(isImporting.value && f.secretKey && { secretKey: f.secretKey }),
        ...(isImporting.value && f.keyPassphrase && { keyPassphrase: f.keyPassphrase })
      }
      await makeHome(home)
    })
  const text =
    (name: Exclude<keyof typeof f, 'passphrase'>, more: InputHTMLAttributes = {}) =>
    (id: string, describedBy?: string) => (
      <input
        id={id}
        aria-describedby={describedBy}
        value={f[name]}
        onInput={e => set({ [name]: e.currentTarget.value })}
        {...more}
      />
    )
  return (
    <form class="stack" onSubmit={make}>
      <h1>Welcome to Muttr</h1>
      <p class="lead">
        Sealed letters that no server keeps and nobody else can read. First, a key of your own.
      </p>
      <Field label="Your name" hint="Others see it beside your letters.">
        {text('name', { required: true, autocomplete: 'name', maxLength: 100 })}
      </Field>
      <NewPassphrase label="Passphrase" onChange={passphrase => set({ passphrase })} />
      <Field
        label="Join link, if somebody gave you one"
        hint="It brings the network, a pod, an invite, and somebody to write to."
      >
        {text('link', { placeholder: 'muttr:…', spellcheck: false, autocomplete: 'off' })}
      </Field>
      {isDeviceCode(f.link) && (
        <Misplaced way={{ name: 'Link this computer', onGo: () => onDevice(f.link.trim()) }}>
          That is the code of a device that you have, and no link by which one joins a network.
        </Misplaced>
      )}
      <details open={isImporting.value} onToggle={e => (isImporting.value = e.currentTarget.open)}>
        <summary>I have a key, or a network file</summary>
        <div class="stack inset">
          <FileField
            label="Secret OpenPGP key"
            hint={
              <>
                As <code>gpg --armor --export-secret-keys YOU</code> writes it.
              </>
            }
            onText={secretKey => set({ secretKey })}
          />
          <Field label="Its passphrase">
            {text('keyPassphrase', { type: 'password', autocomplete: 'off' })}
          </Field>
          <FileField label="Network file" onText={network => set({ network })} />
        </div>
      </details>
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          Make my key
        </Button>
        <Button kind="quiet" onClick={onRestore}>
          I have a backup
        </Button>
        <Button kind="quiet" onClick={() => onDevice()}>
          I have another device
        </Button>
      </div>
    </form>
  )
}
