import { signal, useSignal } from '@preact/signals'
import type { ComponentChildren, InputHTMLAttributes, JSX } from 'preact'
import type { MakeHome } from '../../api/house.ts'
import { type Problem, problemOf } from '../data/ask.ts'
import { backUpKey, makeHome, register } from '../data/house.ts'
import { setup } from '../data/session.ts'
import icon from '../icon.svg'
import { Button, Field, Fingerprint, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { go } from '../route.ts'

/** Who chose to look around before having an address. */
export const later = signal(false)

const steps = ['Key', 'Backup', 'Address'] as const

/** From nothing to an address: a key, a backup of it before anything else, and a name at a pod. */
export function FirstRun(): JSX.Element {
  const now = setup.value!
  const skippedBackup = useSignal(false)
  const at = now.state === 'missing' ? 0 : now.keyBackupMs === null && !skippedBackup.value ? 1 : 2
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
        {at === 0 && <MakeKey />}
        {at === 1 && (
          <>
            <h1>Keep a copy of your key</h1>
            <p class="lead">
              You are your key: no company can give you a new one. Save this file on a stick, print
              it, or put it where you keep what must not be lost. It is locked with your passphrase.
            </p>
            <Fingerprint hex={now.fingerprint ?? ''} />
            <BackupForm onDone={() => {}} />
            <p>
              <button type="button" class="link" onClick={() => (skippedBackup.value = true)}>
                Without a copy: if this disk dies, I start over
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
            {now.state === 'starting' ? (
              <p class="callout" role="status">
                Your node is starting…
              </p>
            ) : (
              <AliasForm
                onDone={() => {
                  const [whom] = now.introduced
                  if (whom) go('write', undefined, { to: whom })
                  else go('inbox')
                }}
              />
            )}
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

/** Runs what a form does, and keeps what went wrong beside it. */
function useRun(): {
  problem: Problem | null
  isBusy: boolean
  run: (event: SubmitEvent, act: () => Promise<unknown>) => Promise<void>
} {
  const problem = useSignal<Problem | null>(null)
  const isBusy = useSignal(false)
  return {
    problem: problem.value,
    isBusy: isBusy.value,
    async run(event, act) {
      event.preventDefault()
      isBusy.value = true
      problem.value = null
      try {
        await act()
      } catch (err) {
        problem.value = problemOf(err)
      } finally {
        isBusy.value = false
      }
    }
  }
}

function MakeKey(): JSX.Element {
  const form = useSignal({
    name: '',
    passphrase: '',
    again: '',
    link: '',
    secretKey: '',
    keyPassphrase: '',
    network: ''
  })
  const isImporting = useSignal(false)
  const { problem, isBusy, run } = useRun()
  const f = form.value
  const set = (changed: Partial<typeof f>) => (form.value = { ...form.value, ...changed })
  const differs = f.again !== '' && f.again !== f.passphrase
  const make = (event: SubmitEvent) =>
    run(event, async () => {
      if (f.again !== f.passphrase) throw new Error('the two passphrases differ')
      const home: MakeHome = {
        name: f.name.trim(),
        passphrase: f.passphrase,
        ...(f.link.trim() && { link: f.link.trim() }),
        ...(f.network && { network: f.network }),
        ...(isImporting.value && f.secretKey && { secretKey: f.secretKey }),
        ...(isImporting.value && f.keyPassphrase && { keyPassphrase: f.keyPassphrase })
      }
      await makeHome(home)
    })
  const text =
    (name: keyof typeof f, more: InputHTMLAttributes = {}) =>
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
      <div class="two">
        <Field label="Passphrase" hint={strength(f.passphrase)}>
          {text('passphrase', {
            type: 'password',
            required: true,
            minLength: 8,
            autocomplete: 'new-password'
          })}
        </Field>
        <Field label="Once more" hint={differs ? 'The two differ.' : undefined}>
          {text('again', { type: 'password', required: true, autocomplete: 'new-password' })}
        </Field>
      </div>
      <Field
        label="Join link, if somebody gave you one"
        hint="It brings the network, a pod, an invite, and somebody to write to."
      >
        {text('link', { placeholder: 'muttr:…', spellcheck: false, autocomplete: 'off' })}
      </Field>
      <details open={isImporting.value} onToggle={e => (isImporting.value = e.currentTarget.open)}>
        <summary>I have a key, or a network file</summary>
        <div class="stack inset">
          <FileField
            label="Secret OpenPGP key"
            hint="As `gpg --armor --export-secret-keys YOU` writes it, or a backup of Muttr's."
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
      </div>
    </form>
  )
}

/** Length is what counts; a passphrase of few different characters is as good as a short one. */
function strength(passphrase: string): string {
  if (passphrase === '') return 'Some words that do not belong together. Nobody can reset it.'
  const worth = Math.min(passphrase.length, 2 * new Set(passphrase).size)
  return worth < 10 ? 'Too easy to guess: add words.' : worth < 16 ? 'Could be longer.' : 'Good.'
}

interface FileFieldProps {
  label: string
  hint?: ComponentChildren
  onText: (text: string) => void
}

const fileBytesMax = 512 * 1_024

const FileField = ({ label, hint, onText }: FileFieldProps): JSX.Element => (
  <Field label={label} hint={hint}>
    {(id, describedBy) => (
      <input
        id={id}
        aria-describedby={describedBy}
        type="file"
        onChange={async e => {
          const file = e.currentTarget.files?.[0]
          onText(file && file.size <= fileBytesMax ? await file.text() : '')
        }}
      />
    )}
  </Field>
)

/** Saves the locked secret key as a file. The passphrase is asked for again, so that whoever finds the page open cannot take the key along. */
export function BackupForm({ onDone }: { onDone: () => void }): JSX.Element {
  const passphrase = useSignal('')
  const { problem, isBusy, run } = useRun()
  const isSealed = setup.value?.sealed
  const backUp = (event: SubmitEvent) =>
    run(event, async () => {
      await backUpKey(passphrase.value, setup.value?.name ?? 'me')
      passphrase.value = ''
      onDone()
    })
  return (
    <form class="stack" onSubmit={backUp}>
      <Field label={isSealed ? 'Your passphrase' : 'A passphrase for the copy'}>
        {id => (
          <input
            id={id}
            type="password"
            required
            autocomplete={isSealed ? 'current-password' : 'new-password'}
            value={passphrase}
            onInput={e => (passphrase.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary" icon="download" busy={isBusy}>
          Save the key file
        </Button>
      </div>
    </form>
  )
}

/** A name at a pod. */
export function AliasForm({ onDone }: { onDone: (alias: string) => void }): JSX.Element {
  const now = setup.value!
  const form = useSignal({ name: '', pod: now.invited[0] ?? now.pods[0] ?? '', invite: '' })
  const { problem, isBusy, run } = useRun()
  const f = form.value
  const set = (changed: Partial<typeof f>) => (form.value = { ...form.value, ...changed })
  const isInvited = now.invited.includes(f.pod)
  const take = (event: SubmitEvent) =>
    run(event, async () => {
      const alias = `${f.name.trim().toLowerCase()}@${f.pod}`
      await register(alias, f.invite.trim() || undefined)
      onDone(alias)
    })
  if (now.pods.length === 0)
    return (
      <p class="callout">
        <Icon name="warning" /> This network names no pod yet. A join link from somebody who runs
        one brings it.
      </p>
    )
  return (
    <form class="stack" onSubmit={take}>
      <div class="address-fields">
        <Field label="Name">
          {id => (
            <input
              id={id}
              required
              autocapitalize="none"
              autocomplete="off"
              spellcheck={false}
              maxLength={64}
              value={f.name}
              onInput={e => set({ name: e.currentTarget.value })}
            />
          )}
        </Field>
        <span class="at" aria-hidden="true">
          @
        </span>
        <Field label="Pod">
          {id => (
            <select id={id} value={f.pod} onChange={e => set({ pod: e.currentTarget.value })}>
              {now.pods.map(pod => (
                <option value={pod}>{pod}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {isInvited ? (
        <p class="callout good">
          <Icon name="check" /> Your link brought an invite to {f.pod}.
        </p>
      ) : (
        <Field label="Invite code, if the pod asks for one">
          {id => (
            <input
              id={id}
              autocomplete="off"
              spellcheck={false}
              value={f.invite}
              onInput={e => set({ invite: e.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary" busy={isBusy}>
          Take this address
        </Button>
      </div>
    </form>
  )
}
