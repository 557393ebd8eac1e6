// The application's menu. Entries that concern the page are sent to it as commands; the rest are the system's own roles.
// On Windows and Linux the bar is hidden until Alt is pressed, and its shortcuts work all the same.
import path from 'node:path';
import { app, Menu, shell, type BrowserWindow, type MenuItemConstructorOptions } from 'electron';
import { externalLinks, type ExternalLink, type MenuCommand } from '../contract/window-app.ts';
import { words } from './words.ts';

const isMac = process.platform === 'darwin';
const separator: MenuItemConstructorOptions = { type: 'separator' };

/** Builds the menu in the language of now, for this window. */
export function setMenu(window: BrowserWindow): void {
  const send = (command: MenuCommand) => (): void => {
    window.show();
    window.webContents.send('menu.command', command);
  };
  const menus = [...(isMac ? [applicationMenu(send)] : []), fileMenu(send), editMenu(), viewMenu(send)];
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([...menus, { role: 'windowMenu', label: words().window }, helpMenu()]),
  );
}

type Send = (command: MenuCommand) => () => void;

const settingsEntry = (send: Send): MenuItemConstructorOptions => ({
  label: words().settings,
  accelerator: 'CommandOrControl+,',
  click: send('show-settings'),
});

function applicationMenu(send: Send): MenuItemConstructorOptions {
  return {
    label: app.name,
    submenu: [
      { role: 'about' },
      separator,
      settingsEntry(send),
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { role: 'quit' },
    ],
  };
}

function fileMenu(send: Send): MenuItemConstructorOptions {
  const recent: MenuItemConstructorOptions = {
    label: words().openRecent,
    role: 'recentDocuments',
    submenu: [{ label: words().clearRecent, role: 'clearRecentDocuments' }],
  };
  const end: MenuItemConstructorOptions[] = isMac
    ? [{ role: 'close' }]
    : [settingsEntry(send), separator, { role: 'quit' }];
  return {
    label: words().file,
    submenu: [
      { label: words().openModel, accelerator: 'CommandOrControl+O', click: send('open-model') },
      { label: words().openFolder, accelerator: 'CommandOrControl+Shift+O', click: send('open-folder') },
      ...(isMac ? [recent] : []), // Windows has the list at the taskbar's icon, Linux has none
      separator,
      ...end,
    ],
  };
}

function editMenu(): MenuItemConstructorOptions {
  return { role: 'editMenu', label: words().edit };
}

function viewMenu(send: Send): MenuItemConstructorOptions {
  const areas = ['fit', 'runs', 'history', 'models', 'studies'] as const;
  const development: MenuItemConstructorOptions[] = [{ role: 'reload' }, { role: 'toggleDevTools' }, separator];
  return {
    label: words().view,
    submenu: [
      ...areas.map((area, index) => ({
        label: words()[area],
        accelerator: `CommandOrControl+${index + 1}`,
        click: send(`show-${area}`),
      })),
      separator,
      { label: words().palette, accelerator: 'CommandOrControl+K', click: send('show-palette') },
      separator,
      ...(app.isPackaged ? [] : development),
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      separator,
      { role: 'togglefullscreen' },
    ],
  };
}

function helpMenu(): MenuItemConstructorOptions {
  const link = (label: string, name: ExternalLink): MenuItemConstructorOptions => ({
    label,
    click: () => void openLink(name),
  });
  const licences = { label: words().licences, click: () => shell.showItemInFolder(licencesFile()) };
  return {
    role: 'help',
    label: words().help,
    submenu: [
      link(words().paper, 'paper'),
      link(words().llama, 'llama.cpp'),
      link(words().hub, 'hub'),
      ...(app.isPackaged ? [separator, licences] : []),
    ],
  };
}

/** Written by scripts/package.ts beside the application's archive. */
function licencesFile(): string {
  return path.join(process.resourcesPath, 'licences.txt');
}

/** Opens one of the known pages in the user's browser. */
export async function openLink(link: ExternalLink): Promise<void> {
  await shell.openExternal(externalLinks[link]);
}
