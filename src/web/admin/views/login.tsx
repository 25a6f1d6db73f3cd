import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { Button, Trouble } from '../../parts/basics.tsx'
import { Icon } from '../../parts/icons.tsx'
import { useRun } from '../../parts/use-run.ts'
import { login } from '../data/session.ts'
import { Line } from '../parts/desk.tsx'

export function Login(): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const name = useSignal('')
  const password = useSignal('')
  const code = useSignal('')
  return (
    <main class="alone">
      <form
        class="card narrow"
        onSubmit={event => void run(event, () => login(name.value, password.value, code.value))}
      >
        <span class="card-mark">
          <Icon name="shield" size={26} />
        </span>
        <h1>Pod admin</h1>
        <Line
          label="Name"
          value={name.value}
          complete="username"
          onValue={value => (name.value = value)}
        />
        <Line
          label="Password"
          type="password"
          value={password.value}
          complete="current-password"
          onValue={value => (password.value = value)}
        />
        <Line
          label="One-time code"
          value={code.value}
          complete="one-time-code"
          hint="If you have set them up."
          onValue={value => (code.value = value)}
        />
        <Trouble problem={problem} />
        <Button kind="primary" type="submit" busy={isBusy}>
          Log in
        </Button>
        <p class="hint">
          No password, or none that works? On the machine of the pod:{' '}
          <code>muttr pod admin link</code>
        </p>
      </form>
    </main>
  )
}
