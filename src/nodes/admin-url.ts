import type { Config } from '../config/config.ts'
import type { Door } from '../https/open.ts'

/** Where browsers find the admin page; null where it is not served. @param door as it stands, while it does */
export function adminUrl({ pod }: Config, door: Pick<Door, 'status'> | undefined): string | null {
  if (!pod || pod.admin.mode === 'off' || pod.https.mode === 'off') return null
  if (pod.admin.url !== undefined) return pod.admin.url
  const port = pod.https.mode === 'proxy' ? 443 : (door?.status.port ?? pod.https.port ?? 443)
  return `https://${pod.hostname}${port === 443 ? '' : `:${port}`}/admin/`
}

/** The token stands behind the `#`, which browsers send to nobody. */
export const loginUrl = (page: string, token: string): string => `${page}#link=${token}`
