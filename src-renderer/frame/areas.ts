// The areas of the window, in the order of the rail. A new screen is one line here, and its name in words/*/frame.ts.
import { Boxes, ChartSpline, Gauge, History, Play, Settings } from '@lucide/vue';
import type { Component } from 'vue';
import FitPage from '../features/fit/FitPage.vue';
import HistoryPage from '../features/history/HistoryPage.vue';
import ModelsPage from '../features/models/ModelsPage.vue';
import RunsPage from '../features/runs/RunsPage.vue';
import SettingsPage from '../features/settings/SettingsPage.vue';
import StudiesPage from '../features/studies/StudiesPage.vue';
import type { AreaId } from '../stores/navigation-store.ts';

export interface Area {
  id: AreaId;
  icon: Component;
  screen: Component;
  shortcut: string;
  /** At the foot of the rail. */
  isLast?: boolean;
}

export const areas: readonly Area[] = [
  { id: 'fit', icon: Gauge, screen: FitPage, shortcut: '1' },
  { id: 'runs', icon: Play, screen: RunsPage, shortcut: '2' },
  { id: 'history', icon: History, screen: HistoryPage, shortcut: '3' },
  { id: 'models', icon: Boxes, screen: ModelsPage, shortcut: '4' },
  { id: 'studies', icon: ChartSpline, screen: StudiesPage, shortcut: '5' },
  { id: 'settings', icon: Settings, screen: SettingsPage, shortcut: 'Mod+,', isLast: true },
];
