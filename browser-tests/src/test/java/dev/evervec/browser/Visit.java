package dev.evervec.browser;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;

/** A person with a browser that asks for a language, at a site. */
record Visit(Site site, String language, BrowserContext context, Watch watch) {
    /** A new tab at a path of the site. */
    Page open(String path) {
        Page page = context.newPage();
        page.navigate(site.url(path));
        return page;
    }

    /** A new tab at the admin page of a person who is logged in. */
    AdminPage adminPage() {
        return new AdminPage(open(AdminPage.PATH));
    }

    /** A new tab at the admin page, after the login form. */
    AdminPage logIn() {
        Page page = open(AdminPage.PATH);
        page.getByTestId("login-secret").fill(Site.SECRET);
        page.getByTestId("login-submit").click();
        return new AdminPage(page);
    }
}
