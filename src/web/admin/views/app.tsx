import type { JSX } from 'preact'
import { Spinner } from '../../parts/basics.tsx'
import { Toasts } from '../../parts/toasts.tsx'
import { standing } from '../data/session.ts'
import { Login } from './login.tsx'
import { AdminShell } from './shell.tsx'

export const AdminApp = (): JSX.Element => (
  <>
    {standing.value === 'asking' && (
      <main class="alone">
        <Spinner />
      </main>
    )}
    {standing.value === 'out' && <Login />}
    {standing.value === 'in' && <AdminShell />}
    <Toasts />
  </>
)
