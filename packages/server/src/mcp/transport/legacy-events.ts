import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ServerEvent,
} from '@modelcontextprotocol/server'
import type { TenantSubscription } from './tenant-bus.ts'

/**
 * Change events of a legacy session: list changes go to every session that was promised them, resource updates
 * to those that sent `resources/subscribe` for exactly this URI. The subscription has already been limited to
 * the tenant and its visible projects, so naming somebody else's URI brings nothing.
 */
export function forwardEvents(server: McpServer, subscription: TenantSubscription, urisMax: number): void {
  const { tools, prompts, resources } = server.server.getCapabilities()
  const uris = new Set<string>()
  if (resources?.subscribe === true) answerSubscriptions(server, uris, urisMax)
  subscription.attach((event) => {
    void notify(event).catch(() => undefined) // The session has just been closed.
  })

  async function notify(event: ServerEvent): Promise<void> {
    switch (event.kind) {
      case 'tools_list_changed':
        if (tools?.listChanged === true) await server.server.sendToolListChanged()
        return
      case 'prompts_list_changed':
        if (prompts?.listChanged === true) await server.server.sendPromptListChanged()
        return
      case 'resources_list_changed':
        if (resources?.listChanged === true) await server.server.sendResourceListChanged()
        return
      case 'resource_updated':
        if (uris.has(event.uri)) await server.server.sendResourceUpdated({ uri: event.uri })
    }
  }
}

function answerSubscriptions(server: McpServer, uris: Set<string>, urisMax: number): void {
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    if (!uris.has(params.uri) && uris.size >= urisMax) {
      const message = `One session may subscribe to at most ${urisMax} resources. Unsubscribe from one first.`
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, message)
    }
    uris.add(params.uri)
    return {}
  })
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    uris.delete(params.uri)
    return {}
  })
}
