// SPDX-License-Identifier: Apache-2.0
#include "services/identify/backtest/backtest_texts.h"

static const char *const texts[PN_TEXT_COUNT][PN_LANGUAGE_COUNT] = {
    [PN_TEXT_TITLE] = {"Sääntöjen koeajo", "Provkörning av regler", "Backtest of rules"},
    [PN_TEXT_NOTE] =
        {"Uudet säännöt on ajettu tallennettujen tapahtumien läpi nykyisten sääntöjen rinnalla. "
         "Luvut "
         "kertovat, ketkä säännöt olisivat nostaneet katsottavaksi; ne eivät päätä kenenkään "
         "asiasta.",
         "De nya reglerna har körts genom de lagrade händelserna vid sidan av dagens regler. "
         "Siffrorna "
         "visar vilka reglerna hade lyft fram för bedömning; de avgör inget i någons ärende.",
         "The new rules were run over the stored events beside today's rules. The figures tell "
         "whom the "
         "rules would have raised for somebody to look at; they decide nothing about anybody."},
    [PN_TEXT_WARNINGS] = {"Varoitukset", "Varningar", "Warnings"},
    [PN_TEXT_WARNING] = {"Varoitus", "Varning", "Warning"},
    [PN_TEXT_BEHIND] =
        {"Tunnistuspalvelu (identify) on jäljessä: se ei ole vielä käsitellyt {} tapahtumaa, jotka "
         "koeajo luki. Nykyinen lista ja ammattilaisten arviot ovat vanhempia kuin tapahtumat. Aja "
         "koeajo uudelleen, kun palvelu on ajan tasalla.",
         "Identifieringstjänsten (identify) ligger efter: den har ännu inte behandlat {} händelser "
         "som provkörningen läste. Dagens lista och de professionellas bedömningar är äldre än "
         "händelserna. Kör provet igen när tjänsten har hunnit i kapp.",
         "The identify service lags behind: it has not yet handled {} events that this backtest "
         "read. Today's list and what professionals have said are older than the events. Run the "
         "backtest again when the service has caught up."},
    [PN_TEXT_BEGINS] =
        {"Jakso alkaa ennen tapahtumia: niitä on vasta {} alkaen, koska vanhemmat on poistettu "
         "säilytysajan jälkeen tai niitä ei ole tuotu. Luvut sitä edeltäviltä viikoilta ja heti "
         "sen jälkeen eivät kerro mitään. Valitse myöhempi --from.",
         "Perioden börjar före händelserna: de finns först från {}, för äldre har tagits bort "
         "efter lagringstiden eller har aldrig förts in. Siffrorna för veckorna före det och "
         "strax efter säger ingenting. Välj ett senare --from.",
         "The period begins before the events do: there are some only from {} on, because older "
         "ones were removed when their retention ended, or never brought in. The figures of the "
         "weeks before it and soon after it mean nothing. Choose a later --from."},
    [PN_TEXT_WINDOWS] =
        {"Säännöt katsovat jopa {} kuukautta taaksepäin, mutta tapahtumia on vasta {} alkaen. "
         "Jakson alussa ne näkevät vain osan, joten alun viikkojen luvut eivät ole vielä oikeita.",
         "Reglerna ser upp till {} månader bakåt, men händelser finns först från {}. I periodens "
         "början ser de bara en del, så siffrorna för de första veckorna är ännu inte rätta.",
         "The rules look up to {} months back, but there are events only from {} on. At the "
         "period's beginning they see a part only: the figures of its first weeks are not right "
         "yet."},
    [PN_TEXT_NOTHING] =
        {"Tallennettuja käyntejä, yhteydenottoja tai aikoja ei ole lainkaan. Luvut eivät kerro "
         "säännöistä mitään.",
         "Det finns inga lagrade besök, kontakter eller tider. Siffrorna säger ingenting om "
         "reglerna.",
         "There are no stored visits, contacts or appointments at all. The figures tell nothing of "
         "the rules."},
    [PN_TEXT_CROWDED] =
        {"{} asiakkaalla on enemmän tapahtumia kuin palvelu pitää (4 096). Heidät on arvioitu "
         "jakson lopussa niin kuin palvelussa, mutta sitä ennen vanhimmat tapahtumat puuttuvat: "
         "jakson alussa he voivat puuttua listalta.",
         "{} klienter har fler händelser än tjänsten håller (4 096). Vid periodens slut bedöms de "
         "som i tjänsten, men före det saknas de äldsta händelserna: i periodens början kan de "
         "saknas på listan.",
         "{} clients have more events than the service keeps (4,096). At the period's end they are "
         "judged as in the service, but before it their oldest events are missing: at the "
         "period's beginning they may be missing from the list."},
    [PN_TEXT_NUMBERS] = {"Luvut", "Siffror", "Figures"},
    [PN_TEXT_FILE] = {"Tiedosto", "Fil", "File"},
    [PN_TEXT_FINGERPRINT] = {"Tiedoston tunniste", "Filens fingeravtryck",
                             "Fingerprint of the file"},
    [PN_TEXT_PERIOD] = {"Ajanjakso", "Period", "Period"},
    [PN_TEXT_TODAYS_SET] = {"Nykyisten sääntöjen numero", "Dagens reglers nummer",
                            "Number of today's rule set"},
    [PN_TEXT_EVENTS] = {"Tapahtumia", "Händelser", "Events"},
    [PN_TEXT_CLIENTS] = {"Asiakkaita", "Klienter", "Clients"},
    [PN_TEXT_CAME_A_WEEK] = {"Uusia nimiä viikossa", "Nya namn per vecka", "New names a week"},
    [PN_TEXT_COUNTY] = {"Uusia nimiä viikossa koko alueella", "Nya namn per vecka i hela området",
                        "New names a week in the whole county"},
    [PN_TEXT_FLAGGED] = {"Nostettuja asiakkaita", "Lyfta klienter", "Clients flagged"},
    [PN_TEXT_AT_END] = {"Listalla jakson lopussa", "På listan vid periodens slut",
                        "On the list at the end"},
    [PN_TEXT_COMES] = {"Tulisi listalle", "Skulle komma till listan", "Would come"},
    [PN_TEXT_GOES] = {"Poistuisi listalta", "Skulle lämna listan", "Would go"},
    [PN_TEXT_WEEKS] = {"Uudet nimet viikoittain", "Nya namn per vecka", "New names by week"},
    [PN_TEXT_WEEKS_NOTE] =
        {"Asiakas tulee listalle, kun täyttyvät säännöt riittävät siihen eivätkä juuri ennen "
         "riittäneet.",
         "Klienten kommer till listan när de regler som gäller räcker till det och inte gjorde det "
         "alldeles före.",
         "A client comes on the list when the rules that hold are enough for it, and were not just "
         "before."},
    [PN_TEXT_WEEK] = {"Viikko alkaa", "Veckan börjar", "Week begins"},
    [PN_TEXT_NEW_RULES] = {"Uudet säännöt", "Nya regler", "New rules"},
    [PN_TEXT_TODAYS_RULES] = {"Nykyiset säännöt", "Dagens regler", "Today's rules"},
    [PN_TEXT_UNITS] = {"Yksiköt", "Enheter", "Units"},
    [PN_TEXT_UNIT] = {"Yksikkö", "Enhet", "Unit"},
    [PN_TEXT_NO_UNIT] = {"(ei yksikköä)", "(ingen enhet)", "(no unit)"},
    [PN_TEXT_TEAM] = {"Tiimi", "Team", "Team"},
    [PN_TEXT_TEAMS] = {"Tiimien uudet nimet ja se, minkä verran tiimi ehtii",
                       "Teamens nya namn och hur många de hinner med",
                       "New names of each team, and how many it can take"},
    [PN_TEXT_BUDGET] = {"Ehtii viikossa", "Hinner per vecka", "Can take a week"},
    [PN_TEXT_NO_BUDGET] = {"ei rajaa", "ingen gräns", "no limit"},
    [PN_TEXT_WEEKS_OVER_NEW] = {"Viikkoja yli, uudet säännöt", "Veckor över, nya regler",
                                "Weeks over, new rules"},
    [PN_TEXT_WEEKS_OVER_TODAY] = {"Viikkoja yli, nykyiset säännöt", "Veckor över, dagens regler",
                                  "Weeks over, today's rules"},
    [PN_TEXT_OVERLAP] = {"Samat ja eri asiakkaat", "Samma och andra klienter",
                         "The same clients, and others"},
    [PN_TEXT_RULE] = {"Sääntö", "Regel", "Rule"},
    [PN_TEXT_BOTH] = {"Molemmat", "Båda", "Both"},
    [PN_TEXT_ONLY_NEW] = {"Vain uudet", "Bara nya", "Only new"},
    [PN_TEXT_ONLY_TODAY] = {"Vain nykyiset", "Bara dagens", "Only today's"},
    [PN_TEXT_VERDICTS] = {"Mitä ammattilaiset ovat sanoneet", "Vad de professionella har sagt",
                          "What professionals have said"},
    [PN_TEXT_VERDICTS_NOTE] =
        {"Arviot koskevat jaksolla nousseita havaintoja; mukana ovat myös jakson jälkeen annetut "
         "arviot. Asiakkaan viimeinen arvio lasketaan. Arvioita on vain niistä, jotka silloiset "
         "säännöt nostivat: uusista asiakkaista ei tiedetä vielä mitään. Osuus = (hyväksytyt + "
         "kieltäytyneet) / (ne + ei aiheelliset), 95 % luottamusväli.",
         "Bedömningarna gäller observationer som uppstod under perioden; också de som gavs senare "
         "är med. Klientens sista bedömning räknas. Det finns bedömningar bara av dem som dåtidens "
         "regler lyfte fram: om nya klienter vet man inget ännu. Andel = (godkända + vägrat) / "
         "(dessa + inte relevanta), 95 % konfidensintervall.",
         "The verdicts are of what rose in the period, and those given after it count too; of each "
         "client the last one. There are verdicts only of those whom the rules of that time "
         "raised: of new clients nothing is known yet. Share = (accepted + refused) / (those + not "
         "relevant), 95 % confidence."},
    [PN_TEXT_VERDICT] = {"Arvio", "Bedömning", "Verdict"},
    [PN_TEXT_VALUE] = {"Osuus, joka osui oikeaan", "Andel rätt", "Share that was right"},
    [PN_TEXT_STATE_FIRST] = {"Uusi", "Ny", "New"},
    [PN_TEXT_STATE_FIRST + 1] = {"Nähty", "Sedd", "Seen"},
    [PN_TEXT_STATE_FIRST + 2] = {"Otettu puheeksi", "Tagen till tals", "Taken to discussion"},
    [PN_TEXT_STATE_FIRST + 3] = {"Asiakas suostuu", "Klienten samtycker", "Client consents"},
    [PN_TEXT_STATE_FIRST + 4] = {"Asiakas kieltäytyy", "Klienten vägrar", "Client refuses"},
    [PN_TEXT_STATE_FIRST + 5] = {"Asiakas miettii", "Klienten funderar", "Client thinks it over"},
    [PN_TEXT_STATE_FIRST + 6] = {"On jo vastuuhenkilö", "Har redan en ansvarig",
                                 "Already has a responsible worker"},
    [PN_TEXT_STATE_FIRST + 7] = {"Ei aiheellinen", "Inte relevant", "Not relevant"},
    [PN_TEXT_STATE_FIRST + 8] = {"Rauennut", "Förfallen", "Lapsed"},
    [PN_TEXT_PEOPLE] = {"Ketkä tulisivat ja ketkä poistuisivat", "Vilka skulle komma och vilka gå",
                        "Who would come and who would go"},
    [PN_TEXT_PEOPLE_NOTE] = {"Jakson lopussa. Asiakkaista on vain asiakasavain.",
                             "Vid periodens slut. Av klienterna finns bara klientnyckeln.",
                             "At the end of the period. Of clients there is the client key only."},
    [PN_TEXT_CLIENT] = {"Asiakasavain", "Klientnyckel", "Client key"},
    [PN_TEXT_WHAT] = {"Mitä tapahtuisi", "Vad skulle ske", "What would happen"},
    [PN_TEXT_RULES] = {"Säännöt", "Regler", "Rules"},
    [PN_TEXT_MORE_IN_FILE] = {"Loput ovat tiedostossa", "Resten finns i filen",
                              "The rest is in the file"},
    [PN_TEXT_PICTURE] = {"kuva; samat luvut ovat sen jälkeen taulukossa",
                         "bild; samma siffror finns i tabellen efter den",
                         "picture; the same figures are in the table after it"},
    [PN_TEXT_NOBODY] = {"Ei yhtään.", "Inga.", "None."},
    [PN_TEXT_THRESHOLDS] = {"Jos raja olisi toinen", "Om gränsen vore en annan",
                            "If a threshold were another"},
    [PN_TEXT_THRESHOLDS_NOTE] =
        {"Montako asiakasta jaksolla nostettaisiin, kun yhtä rajaa muutetaan ja muut pysyvät. "
         "Kuvassa tiedoston oma raja on hakasulkeissa ja sen palkki raidallinen.",
         "Hur många klienter som skulle lyftas under perioden när en gräns ändras och de andra "
         "består. På bilden står filens egen gräns inom hakparentes och dess stapel är randig.",
         "How many clients would be flagged in the period when one threshold changes and the "
         "others stay. In the picture the file's own threshold is in brackets and its bar is "
         "striped."},
    [PN_TEXT_CONDITION] = {"Ehto", "Villkor", "Condition"},
    [PN_TEXT_THRESHOLD] = {"Raja", "Gräns", "Threshold"},
    [PN_TEXT_BY_RULE] = {"Asiakkaita, tämä sääntö", "Klienter, denna regel", "Clients, this rule"},
    [PN_TEXT_BY_ALL] = {"Asiakkaita, kaikki säännöt", "Klienter, alla regler",
                        "Clients, all rules"},
    [PN_TEXT_IN_FILE] = {"tiedostossa", "i filen", "in the file"},
};

const char *pn_report_text(enum pn_report_text text, enum pn_language language)
{
    return texts[text][language];
}
